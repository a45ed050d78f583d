// What Python sees: a model over packed weights, and its sequences.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "bind_choose.h"
#include "forward.h"
#include "lanes.h"
#include "weights.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace midfill {

namespace {

using Logits = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

// Weights by name, as packed_weights.py lays them down, and what is wrong with them.
class Tensors {
 public:
  explicit Tensors(const nb::dict& named) : named_(named) {}

  Matrix matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
    if (columns % kColumnMultiple) throw std::invalid_argument(name + ": columns are no multiple of 32");
    return matrix_of(tensor(name), rows, columns, name);
  }

  const float* floats(const std::string& name, std::size_t count) const {
    const Tensor floats = tensor(name);
    if (floats.dtype() != nb::dtype<float>()) throw std::invalid_argument(name + ": of another type");
    if (floats.size() != count)
      throw std::invalid_argument(name + ": " + std::to_string(floats.size()) + " values instead of " +
                                  std::to_string(count));
    return static_cast<const float*>(floats.data());
  }

 private:
  Tensor tensor(const std::string& name) const {
    if (!named_.contains(name.c_str())) throw std::invalid_argument(name + ": missing");
    return nb::cast<Tensor>(named_[name.c_str()]);
  }

  const nb::dict& named_;
};

Weights weights_of(const Shape& shape, const nb::dict& named, bool tied) {
  const Tensors tensors(named);
  Weights w;
  w.shape = shape;
  w.embedding = tensors.matrix("embedding", shape.vocabulary, shape.hidden);
  w.head = tied ? w.embedding : tensors.matrix("head", shape.vocabulary, shape.hidden);
  w.norm = tensors.floats("norm", shape.hidden);
  w.cos = tensors.floats("cos", shape.context * shape.head_size / 2);
  w.sin = tensors.floats("sin", shape.context * shape.head_size / 2);
  for (std::size_t number = 0; number < shape.layers; number++) {
    const std::string at = "layers." + std::to_string(number) + ".";
    LayerWeights layer;
    layer.input_norm = tensors.floats(at + "input_norm", shape.hidden);
    layer.q_norm = tensors.floats(at + "q_norm", shape.head_size);
    layer.k_norm = tensors.floats(at + "k_norm", shape.head_size);
    layer.post_norm = tensors.floats(at + "post_norm", shape.hidden);
    layer.router = tensors.floats(at + "router", shape.experts * shape.hidden);
    layer.qkv = tensors.matrix(at + "qkv", shape.qkv(), shape.hidden);
    layer.o = tensors.matrix(at + "o", shape.hidden, shape.heads * shape.head_size);
    const Matrix gate_up = tensors.matrix(at + "gate_up", shape.experts * 2 * shape.expert_size, shape.hidden);
    const Matrix down = tensors.matrix(at + "down", shape.experts * shape.hidden, shape.expert_size);
    for (std::size_t e = 0; e < shape.experts; e++)
      layer.experts.push_back({gate_up.part(e * 2 * shape.expert_size, 2 * shape.expert_size),
                               down.part(e * shape.hidden, shape.hidden)});
    w.layers.push_back(std::move(layer));
  }
  return w;
}

class Model {
 public:
  Model(const Shape& shape, nb::dict tensors, bool tied, std::size_t threads)
      : kept_(std::move(tensors)), weights_(weights_of(shape, kept_, tied)), team_(threads) {}

  std::shared_ptr<PagePool> new_pool(std::size_t num_pages) const {
    if (num_pages > UINT32_MAX) throw std::length_error("too many pages");
    return std::make_shared<PagePool>(weights_.shape.page(), num_pages);
  }

  // Appends ids[i] to sequences[i], each another one; the logits behind the last num_logits[i] of them, (their sum,
  // vocabulary). Whatever is thrown, every sequence is as it was.
  Logits forward(const std::vector<Sequence*>& sequences, const std::vector<std::vector<std::uint32_t>>& ids,
                 const std::vector<std::size_t>& num_logits) {
    const Shape& shape = weights_.shape;
    if (sequences.size() != ids.size() || ids.size() != num_logits.size() || sequences.empty())
      throw std::invalid_argument("a sequence and a number for each list");
    std::vector<Token> tokens;
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < sequences.size(); i++) {
      if (!(sequences[i]->shape() == shape.page())) throw std::invalid_argument("a sequence of another model");
      if (ids[i].empty()) throw std::invalid_argument("no tokens to append");
      if (sequences[i]->length() + ids[i].size() > shape.context) throw std::length_error("beyond the context");
      std::size_t position = sequences[i]->length();
      for (const std::uint32_t id : ids[i]) {
        if (id >= shape.vocabulary) throw std::out_of_range("no such token: " + std::to_string(id));
        tokens.push_back({id, sequences[i], position++});
      }
      if (num_logits[i] > ids[i].size()) throw std::invalid_argument("more logits than tokens");
      for (std::size_t t = tokens.size() - num_logits[i]; t < tokens.size(); t++) wanted.push_back(t);
    }
    const std::size_t count = wanted.size() * shape.vocabulary;
    auto* logits = new float[count];
    nb::capsule owner(logits, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    {
      nb::gil_scoped_release release;
      try {
        for (std::size_t i = 0; i < sequences.size(); i++) sequences[i]->reserve(ids[i].size());
        midfill::forward<Lanes>(weights_, team_, space_, tokens, wanted, logits);
      } catch (...) {
        for (Sequence* sequence : sequences) sequence->truncate(sequence->length());
        throw;
      }
      for (std::size_t i = 0; i < sequences.size(); i++) sequences[i]->advance(ids[i].size());
    }
    return Logits(logits, {wanted.size(), shape.vocabulary}, owner);
  }

 private:
  nb::dict kept_;
  Weights weights_;
  Team team_;
  Workspace space_;
};

}  // namespace

}  // namespace midfill

NB_MODULE(MIDFILL_MODULE, m) {
  using namespace midfill;
  nb::class_<Shape>(m, "Shape")
      .def(
          "__init__",
          [](Shape* at, std::size_t vocabulary, std::size_t hidden, std::size_t layers, std::size_t heads,
             std::size_t groups, std::size_t head_size, std::size_t experts, std::size_t top_k, std::size_t expert_size,
             std::size_t context, float epsilon, bool normalise) {
            new (at) Shape{vocabulary, hidden, layers, heads, groups, head_size,
                           experts, top_k, expert_size, context, epsilon, normalise};
          },
          nb::kw_only(), "vocabulary"_a, "hidden"_a, "layers"_a, "heads"_a, "groups"_a, "head_size"_a, "experts"_a,
          "top_k"_a, "expert_size"_a, "context"_a, "epsilon"_a, "normalise"_a);
  nb::class_<Sequence>(m, "Sequence")
      .def_prop_ro("length", &Sequence::length)
      .def_prop_ro("pages", &Sequence::pages)
      .def("truncate",
           [](Sequence& sequence, std::size_t length) {
             if (length > sequence.length()) throw std::out_of_range("longer than the sequence");
             sequence.truncate(length);
           })
      .def("fork", [](const Sequence& sequence, std::size_t length) {
        if (length > sequence.length()) throw std::out_of_range("longer than the sequence");
        return sequence.fork(length);
      });
  nb::class_<PagePool>(m, "PagePool")
      .def_prop_ro("num_pages", &PagePool::size)
      .def_prop_ro("num_free", &PagePool::num_free)
      .def("new_sequence", [](std::shared_ptr<PagePool> pool) { return Sequence(std::move(pool)); });
  nb::class_<Model>(m, "Model")
      .def(nb::init<const Shape&, nb::dict, bool, std::size_t>(), "shape"_a, "tensors"_a, "tied"_a, "threads"_a)
      .def("new_pool", &Model::new_pool, "num_pages"_a)
      .def("forward", &Model::forward, "sequences"_a, "ids"_a, "num_logits"_a);
  bind_weights(m);
  bind_choose(m);
}
