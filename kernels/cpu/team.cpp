#include "team.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace midfill {

namespace {

// A loop of a step lasts microseconds, so its end is first waited for without giving the core away; but another program
// may have the core that somebody waits for.
constexpr int kSpins = 4000;

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#endif
}

template <class Done>
bool spun(Done done) {
  for (int i = 0; i < kSpins; i++) {
    if (done()) return true;
    pause();
  }
  return false;
}

}  // namespace

Team::Team(std::size_t size) : size_(size == 0 ? 1 : size) {
  for (std::size_t member = 1; member < size_; member++) threads_.emplace_back([this, member] { serve(member); });
}

Team::~Team() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    steps_++;
  }
  begin_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Team::run(const std::function<void(std::size_t)>& work) {
  if (size_ == 1) return work(0);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    steps_++;
  }
  begin_.notify_all();
  work(0);
  wait();
}

void Team::serve(std::size_t member) {
  for (std::size_t seen = 0;;) {
    // The next step of an answer follows within microseconds, the next keystroke after milliseconds.
    if (!spun([&] { return steps_.load(std::memory_order_acquire) != seen; })) {
      std::unique_lock<std::mutex> lock(mutex_);
      begin_.wait(lock, [&] { return steps_.load(std::memory_order_relaxed) != seen; });
    }
    seen = steps_.load(std::memory_order_acquire);
    if (ended_) return;
    (*work_)(member);
    wait();
  }
}

void Team::wait() {
  if (size_ == 1) return;
  const std::size_t now = passed_.load(std::memory_order_relaxed);
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    waiting_.store(0, std::memory_order_relaxed);
    passed_.store(now + 1, std::memory_order_release);
    return;
  }
  const auto opened = [&] { return passed_.load(std::memory_order_acquire) != now; };
  if (!spun(opened))
    while (!opened()) std::this_thread::yield();
}

}  // namespace midfill
