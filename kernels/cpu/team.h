// Threads that go through a step together: each takes its part of every loop, and they wait for one another between
// loops. Between steps they sleep.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace midfill {

struct Range {
  std::size_t first, last;
};

class Team {
 public:
  explicit Team(std::size_t size);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::size_t size() const { return size_; }

  // Calls work(member) on every member at once, the caller being member 0; returns when all are done.
  void run(const std::function<void(std::size_t)>& work);

  // Within `run`: returns when every member has come here.
  void wait();

  // Within `run`: the part of `count` items that is `member`'s.
  Range part(std::size_t count, std::size_t member) const {
    return {count * member / size_, count * (member + 1) / size_};
  }

 private:
  void serve(std::size_t member);

  const std::size_t size_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable begin_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::atomic<std::size_t> steps_{0};    // begun
  std::atomic<std::size_t> waiting_{0};  // members at the barrier
  std::atomic<std::size_t> passed_{0};   // barriers
  bool ended_ = false;
};

}  // namespace midfill
