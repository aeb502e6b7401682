// SPDX-License-Identifier: MIT
// A libnvcuvid.so.1 that decodes nothing. GStreamer's nvcodec plugin registers cudaupload and cudadownload only where it finds a
// decoder's or an encoder's library.

namespace {
constexpr int kNotSupported = 801;  // CUDA_ERROR_NOT_SUPPORTED
}

#define UNSUPPORTED(name) \
  extern "C" __attribute__((visibility("default"))) int name() { return kNotSupported; }

UNSUPPORTED(cuvidCtxLockCreate)
UNSUPPORTED(cuvidCtxLockDestroy)
UNSUPPORTED(cuvidCtxLock)
UNSUPPORTED(cuvidCtxUnlock)
UNSUPPORTED(cuvidCreateDecoder)
UNSUPPORTED(cuvidDestroyDecoder)
UNSUPPORTED(cuvidDecodePicture)
UNSUPPORTED(cuvidCreateVideoParser)
UNSUPPORTED(cuvidParseVideoData)
UNSUPPORTED(cuvidDestroyVideoParser)
UNSUPPORTED(cuvidMapVideoFrame64)
UNSUPPORTED(cuvidUnmapVideoFrame64)
UNSUPPORTED(cuvidGetDecoderCaps)
