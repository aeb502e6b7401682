// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "fake_core_test.h"

namespace adainstyle::test {

// What may change while the stream plays, over the fake core.
class LiveTest : public FakeCoreTest {
 protected:
  static void set_strings(Player& player, const char* property, const std::vector<std::string>& values) {
    set_array(player, property, values, G_TYPE_STRING,
              [](GValue* to, const std::string& from) { g_value_set_string(to, from.c_str()); });
  }

  static void set_floats(Player& player, const char* property, const std::vector<float>& values) {
    set_array(player, property, values, G_TYPE_FLOAT, [](GValue* to, float from) { g_value_set_float(to, from); });
  }

  static bool call(Player& player, const char* signal, const char* name, const char* path = nullptr) {
    gboolean result = FALSE;
    if (path != nullptr) {
      g_signal_emit_by_name(player.element(), signal, name, path, &result);
    } else {
      g_signal_emit_by_name(player.element(), signal, name, &result);
    }
    return result != FALSE;
  }

  // The next message about a style: "path|ok|error|name".
  static std::string next_style_message(Player& player) {
    while (const MessagePtr message = next_message(player.bus(), GST_MESSAGE_ELEMENT)) {
      const GstStructure* fields = gst_message_get_structure(message.get());
      if (!gst_structure_has_name(fields, "adainstyle-style")) continue;
      gboolean ok = FALSE;
      gst_structure_get_boolean(fields, "ok", &ok);
      const auto text = [fields](const char* field) {
        const gchar* value = gst_structure_get_string(fields, field);
        return std::string(value != nullptr ? value : "");
      };
      return text("path") + "|" + (ok ? "ok" : "failed") + "|" + text("error") + "|" + text("name");
    }
    return "none";
  }

  BufferPtr frame_at(GstClockTime time) const {
    BufferPtr frame = make_buffer(info_, picture_);
    GST_BUFFER_PTS(frame.get()) = time;
    return frame;
  }

  // Has a property of the object follow a line from one value to another within a second.
  static void animate(gpointer object, const char* property, double from, double to) {
    GstControlSource* source = gst_interpolation_control_source_new();
    g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
    gst_object_add_control_binding(GST_OBJECT(object),
                                   gst_direct_control_binding_new_absolute(GST_OBJECT(object), property, source));
    gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, from);
    gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), GST_SECOND, to);
    gst_object_unref(source);
  }

  const Pixels picture_ = test_picture(info_);

 private:
  template <typename Value, typename Set>
  static void set_array(Player& player, const char* property, const std::vector<Value>& values, GType type, const Set& set) {
    GValue array = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    for (const Value& value : values) {
      GValue element = G_VALUE_INIT;
      g_value_init(&element, type);
      set(&element, value);
      gst_value_array_append_and_take_value(&array, &element);
    }
    g_object_set_property(G_OBJECT(player.element()), property, &array);
    g_value_unset(&array);
  }
};

}  // namespace adainstyle::test
