#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Milliseconds a frame of the networks in TensorRT fp16, from features to features: what tests/gpu.sh sets the engine beside.

usage: tensorrt_speed.py MODEL

MODEL is a model file, whose network is measured; so is the paper's, with random weights both. Prints rows of gpu-benchmark's table.
Needs the Python packages tensorrt, torch and numpy, and a GPU. It has not run yet.
"""
import json
import struct
import sys

import numpy
import tensorrt
import torch

SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
WARM_UP, RUNS = 20, 100


def read_network(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        return json.loads(json.loads(file.read(length))["__metadata__"]["network"])


def papers_network():
    """VGG-19 up to relu4_1, AdaIN there, and the mirrored decoder."""

    def conv(inputs, outputs, relu=True):
        return {"op": "conv3x3", "inputs": inputs, "outputs": outputs, "relu": relu}

    pool, up = {"op": "max_pool"}, {"op": "upsample_nearest"}
    encoder = [conv(3, 64), conv(64, 64), pool, conv(64, 128), conv(128, 128), pool, conv(128, 256)]
    encoder += [conv(256, 256)] * 3 + [pool, conv(256, 512)]
    decoder = [{"op": "adain"}, conv(512, 256), up] + [conv(256, 256)] * 3 + [conv(256, 128), up, conv(128, 128)]
    decoder += [conv(128, 64), up, conv(64, 64), conv(64, 3, relu=False)]
    return {"encoder": encoder, "decoder": decoder}


class Definition:
    """A network in TensorRT's terms, batch 1."""

    def __init__(self, builder, width, height):
        self.network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
        self.arrays = []  # TensorRT does not keep them alive
        self.current = self.network.add_input("picture", tensorrt.float16, (1, 3, height, width))

    def constant(self, shape, scale=1.0):
        array = (numpy.random.standard_normal(shape) * scale).astype(numpy.float16)
        self.arrays.append(array)
        return array

    def binary(self, a, b, operation):
        return self.network.add_elementwise(a, b, operation).get_output(0)

    def vector(self, array):
        return self.network.add_constant(array.shape, array).get_output(0)

    def reshape(self, tensor, shape, transpose=None):
        layer = self.network.add_shuffle(tensor)
        layer.reshape_dims = shape
        if transpose is not None:
            layer.second_transpose = transpose
        return layer.get_output(0)

    def convolve(self, tensor, outputs, side, stride=1, relu=False):
        _, inputs, height, width = tensor.shape
        if side == 3:
            padding = self.network.add_slice(tensor, (0, 0, -1, -1), (1, inputs, height + 2, width + 2), (1, 1, 1, 1))
            padding.mode = tensorrt.SampleMode.REFLECT
            tensor = padding.get_output(0)
        weight = self.constant((outputs, inputs, side, side), (2.0 / (inputs * side * side)) ** 0.5)
        layer = self.network.add_convolution_nd(tensor, outputs, (side, side), weight, self.constant((outputs,), 0.0))
        layer.stride_nd = (stride, stride)
        tensor = layer.get_output(0)
        return self.network.add_activation(tensor, tensorrt.ActivationType.RELU).get_output(0) if relu else tensor

    def adain(self, tensor):
        shape = (1, tensor.shape[1], 1, 1)
        operation = tensorrt.ElementWiseOperation

        def mean(of):
            return self.network.add_reduce(of, tensorrt.ReduceOperation.AVG, 1 << 2 | 1 << 3, True).get_output(0)

        centred = self.binary(tensor, mean(tensor), operation.SUB)
        variance = mean(self.binary(centred, centred, operation.PROD))
        eps = self.vector(self.constant(shape, 0.0) + numpy.float16(1e-3))
        std = self.network.add_unary(self.binary(variance, eps, operation.SUM), tensorrt.UnaryOperation.SQRT).get_output(0)
        scaled = self.binary(self.binary(centred, std, operation.DIV), self.vector(self.constant(shape)), operation.PROD)
        return self.binary(scaled, self.vector(self.constant(shape)), operation.SUM)

    def add(self, op):
        tensor, kind = self.current, op["op"]
        _, channels, height, width = tensor.shape
        if kind in ("conv3x3", "conv1x1"):
            self.current = self.convolve(tensor, op["outputs"], int(kind[-1]), op.get("stride", 1), op["relu"])
        elif kind == "residual":
            inner = self.convolve(self.convolve(tensor, channels, 3, relu=True), channels, 3)
            self.current = self.binary(tensor, inner, tensorrt.ElementWiseOperation.SUM)
        elif kind == "max_pool":
            layer = self.network.add_pooling_nd(tensor, tensorrt.PoolingType.MAX, (2, 2))
            layer.stride_nd = (2, 2)
            self.current = layer.get_output(0)
        elif kind == "upsample_nearest":
            layer = self.network.add_resize(tensor)
            layer.resize_mode = tensorrt.InterpolationMode.NEAREST
            layer.scales = (1, 1, 2, 2)
            self.current = layer.get_output(0)
        elif kind == "pixel_unshuffle":
            apart = self.reshape(tensor, (1, channels, height // 2, 2, width // 2, 2), (0, 1, 3, 5, 2, 4))
            self.current = self.reshape(apart, (1, channels * 4, height // 2, width // 2))
        elif kind == "pixel_shuffle":
            apart = self.reshape(tensor, (1, channels // 4, 2, 2, height, width), (0, 1, 4, 2, 5, 3))
            self.current = self.reshape(apart, (1, channels // 4, height * 2, width * 2))
        elif kind == "adain":
            self.current = self.adain(tensor)


def milliseconds(network, width, height):
    logger = tensorrt.Logger(tensorrt.Logger.ERROR)
    builder = tensorrt.Builder(logger)
    definition = Definition(builder, width, height)
    for op in network["encoder"] + network["decoder"]:
        definition.add(op)
    definition.current.name = "painting"
    definition.current.dtype = tensorrt.float16
    definition.network.mark_output(definition.current)
    config = builder.create_builder_config()
    config.set_flag(tensorrt.BuilderFlag.FP16)
    engine = tensorrt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(definition.network, config))
    context = engine.create_execution_context()
    tensors = {name: torch.rand(tuple(engine.get_tensor_shape(name)), dtype=torch.float16, device="cuda")
               for name in ("picture", "painting")}
    for name, tensor in tensors.items():
        context.set_tensor_address(name, tensor.data_ptr())
    stream = torch.cuda.Stream()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.cuda.stream(stream):
        for run in range(WARM_UP + RUNS):
            if run == WARM_UP:
                start.record()
            context.execute_async_v3(stream.cuda_stream)
        end.record()
    stream.synchronize()
    return start.elapsed_time(end) / RUNS


def main():
    for name, network in (("small", read_network(sys.argv[1])), ("vgg19", papers_network())):
        for width, height in SIZES:
            print(f"| {name} | {width}x{height} | TensorRT {tensorrt.__version__} fp16 | "
                  f"{milliseconds(network, width, height // 8 * 8):.3f} | |", flush=True)


if __name__ == "__main__":
    main()
