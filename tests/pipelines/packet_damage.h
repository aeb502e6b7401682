// SPDX-License-Identifier: MIT
#pragma once

#include <random>
#include <string>

#include <gst/gst.h>

// What may be done to RTP packets on their way: of every 50th one bit is turned over, or its second half is missing; or every tenth
// picture (MJPEG) says that it has another size.
enum class Damage { kNone, kFlip, kCut, kResize };

// "flip", "cut" or "resize"; anything else is none.
Damage damage_called(const std::string& name);

// Does it to packets that are given to it one after the other.
class Damager {
 public:
  explicit Damager(Damage damage) : damage_(damage) {}

  // Returns the packet, changed or not. Takes the reference and gives one.
  GstBuffer* pass(GstBuffer* packet);

  // Damages all that leaves a pad. This object must outlive it.
  void add_to(GstPad* pad);

 private:
  GstBuffer* damage_one(GstBuffer* packet);
  GstBuffer* resize(GstBuffer* packet);

  const Damage damage_;
  unsigned packets_ = 0;
  unsigned pictures_ = 0;
  std::minstd_rand random_{5};
};
