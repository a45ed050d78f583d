#include "weights.h"

#include <nanobind/stl/string.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "lanes.h"
#include "multiply.h"
#include "pack.h"
#include "tiles.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace midfill {

namespace {

using Array = nb::ndarray<nb::numpy, nb::c_contig>;
using Floats = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

Format format_named(const std::string& name) {
  if (name == "bf16") return Format::bf16;
  if (name == "int8") return Format::int8;
  if (name == "int4") return Format::int4;
  throw std::invalid_argument(name + ": no such format; there are bf16, int8, int4");
}

void check_columns(std::size_t columns, const std::string& name) {
  if (columns % kColumnMultiple) throw std::invalid_argument(name + ": columns are no multiple of 32");
}

// Rows of bfloat16 or float, a block of them at a time as floats.
class Rows {
 public:
  explicit Rows(const Tensor& values)
      : values_(values), columns_(values.shape(1)), wide_(values.dtype() == nb::dtype<float>()),
        room_(kBlockRows * columns_) {}

  const float* operator()(std::size_t first, std::size_t count) {
    const std::size_t at = first * columns_, size = count * columns_;
    for (std::size_t i = 0; i < size; i++) {
      room_[i] = wide_ ? static_cast<const float*>(values_.data())[at + i]
                       : to_float(static_cast<const bf16*>(values_.data())[at + i]);
      if (!std::isfinite(room_[i]))
        throw std::invalid_argument("row " + std::to_string(first + i / columns_) + " has a value that is not finite");
    }
    return room_.data();
  }

 private:
  const Tensor& values_;
  std::size_t columns_;
  bool wide_;
  std::vector<float> room_;
};

// An array of Python's, filled with zeros, that begins where a cache line does.
template <class T>
Array zeros(std::initializer_list<std::size_t> shape) {
  std::size_t bytes = sizeof(T);
  for (const std::size_t size : shape) bytes *= size;
  void* data = ::operator new(bytes, std::align_val_t{kCacheLine});
  std::memset(data, 0, bytes);
  const nb::capsule owner(data, [](void* at) noexcept { ::operator delete(at, std::align_val_t{kCacheLine}); });
  return Array(data, shape.size(), shape.begin(), owner, nullptr, nb::dtype<T>());
}

Array packed(const Tensor& values, std::size_t alternate, const std::string& format) {
  if (values.ndim() != 2) throw std::invalid_argument("values are not in rows and columns");
  if (values.dtype() != nb::dtype<float>() && values.dtype() != nb::dtype<bf16>())
    throw std::invalid_argument("values are neither float32 nor bfloat16 in uint16");
  const Matrix shape{nullptr, values.shape(0), values.shape(1), format_named(format)};
  check_columns(shape.columns, "values");
  if (alternate % kBlockRows) throw std::invalid_argument("halves are no multiple of 16 rows");
  if (alternate && shape.rows % (2 * alternate)) throw std::invalid_argument("rows do not come in such halves");
  const Array to = shape.format == Format::bf16 ? zeros<bf16>({shape.bytes() / sizeof(bf16)})
                                                : zeros<std::uint8_t>({shape.bytes()});
  pack(shape, alternate, Rows(values), static_cast<std::uint8_t*>(to.data()));
  return to;
}

}  // namespace

Matrix matrix_of(const Tensor& packed, std::size_t rows, std::size_t columns, const std::string& name) {
  check_columns(columns, name);
  const bool halves = packed.dtype() == nb::dtype<bf16>();
  if (!halves && packed.dtype() != nb::dtype<std::uint8_t>()) throw std::invalid_argument(name + ": of another type");
  for (const Format format : {Format::bf16, Format::int8, Format::int4}) {
    const Matrix matrix{static_cast<const std::uint8_t*>(packed.data()), rows, columns, format};
    if ((format == Format::bf16) == halves && matrix.bytes() == packed.nbytes()) return matrix;
  }
  throw std::invalid_argument(name + ": " + std::to_string(packed.nbytes()) + " bytes are no format's size for " +
                              std::to_string(rows) + " rows of " + std::to_string(columns));
}

namespace {

// A product as `multiply` or as tiles have it: (n, columns) -> (n, rows). For tests.
template <class L>
Array product(const Tensor& packed, std::size_t num_rows, const Floats& x, bool tiled) {
  const std::size_t count = x.shape(0);
  const Matrix w = matrix_of(packed, num_rows, x.shape(1), "weights");
  Inputs inputs;
  inputs.resize(count, w.columns);
  std::copy(x.data(), x.data() + x.size(), inputs.values.data());
  const Form form = tiled ? Form::rounded : form_for(w.format);
  for (std::size_t i = 0; i < count; i++) inputs.prepare<L>(i, 0, w.columns, form);
  const Array answer = zeros<float>({count, num_rows});
  auto* y = static_cast<float*>(answer.data());
  const auto take = [&](std::size_t row, std::size_t block, L sums) {
    float whole[L::kWidth];
    sums.store(whole);
    const std::size_t at = block * kBlockRows;
    std::copy(whole, whole + std::min(kBlockRows, num_rows - at), y + row * num_rows + at);
  };
  const auto rows = [&](std::size_t i) { return inputs.operand(i, form); };
  if (!tiled) {
    multiply<L>(w, 0, w.blocks(), rows, count, take);
    return answer;
  }
  if constexpr (Tiles<L>::kAvailable) {
    const typename Tiles<L>::Configuration configuration;
    Aligned<float> scratch(Tiles<L>::multiply_scratch(w));
    Tiles<L>::multiply(w, 0, w.blocks(), inputs.rounded.data(), count, scratch.data(), take);
    return answer;
  }
  throw std::invalid_argument("no tiles here");
}

}  // namespace

void bind_weights(nb::module_& m) {
  m.def("pack", &packed, "values"_a, "alternate"_a = 0, "format"_a = "bf16");
  m.def("product", &product<Lanes>, "weights"_a, "rows"_a, "x"_a, "tiled"_a = false);
  m.attr("tiles") = Tiles<Lanes>::kAvailable;
}

}  // namespace midfill
