// The functions that training/native_library.py calls. Memory is the caller's; nothing is kept but scratch.
#include <sys/syscall.h>
#include <unistd.h>

#include "attention.h"
#include "cross_entropy.h"
#include "experts.h"
#include "linear.h"

using midfill::bf16;

extern "C" {

// Asks the kernel for the tile registers (ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA); false where there are none.
bool midfill_begin(int threads) {
  if (!__builtin_cpu_supports("avx512bf16") || syscall(SYS_arch_prctl, 0x1023, 18) != 0) return false;
  midfill::Pool::instance().resize(threads);
  return true;
}

void midfill_linear_forward(const bf16* x, const bf16* w, bf16* y, std::size_t rows, std::size_t in, std::size_t out) {
  midfill::linear_forward(x, w, y, rows, in, out);
}

void midfill_linear_backward(const bf16* grad_y, const bf16* x, const bf16* w, bf16* grad_x, bf16* grad_w,
                             std::size_t rows, std::size_t in, std::size_t out) {
  midfill::linear_backward(grad_y, x, w, grad_x, grad_w, rows, in, out);
}

void midfill_experts_forward(const midfill::Experts* job, bf16* out) { midfill::experts_forward(*job, out); }

void midfill_experts_backward(const midfill::Experts* job, const bf16* grad_out, bf16* grad_pairs, bf16* grad_x,
                              bf16* grad_gate_up, bf16* grad_down) {
  midfill::experts_backward(*job, grad_out, grad_pairs, grad_x, grad_gate_up, grad_down);
}

void midfill_attention_forward(const midfill::Attention* job) { midfill::attention_forward(*job); }

void midfill_attention_backward(const midfill::Attention* job, const bf16* grad_out, bf16* grad_q, bf16* grad_k,
                                bf16* grad_v) {
  midfill::attention_backward(*job, grad_out, grad_q, grad_k, grad_v);
}

double midfill_cross_entropy(const midfill::CrossEntropy* job) { return midfill::cross_entropy(*job); }
}
