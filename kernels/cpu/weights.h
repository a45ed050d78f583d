// Packed weights as Python has them: arrays, whose type and size say their format.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <string>

#include "matrix.h"

namespace midfill {

using Tensor = nanobind::ndarray<nanobind::ro, nanobind::c_contig, nanobind::device::cpu>;

// The matrix in a packed array: uint16 for bfloat16, uint8 of the size of int8 or of int4. Its data must outlive it.
Matrix matrix_of(const Tensor& packed, std::size_t rows, std::size_t columns, const std::string& name);

// pack, and for tests product.
void bind_weights(nanobind::module_& m);

}  // namespace midfill
