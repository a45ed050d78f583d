// A pool of threads that sleep between jobs, and memory that each of them keeps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "tiles.h"

namespace midfill {

class Pool {
 public:
  static Pool& instance() {
    static Pool* pool = new Pool;  // never ended: its threads may outlive main
    return *pool;
  }

  // From now on `count` threads work, the caller among them. Threads that are there stay.
  void resize(int count) {
    while (static_cast<int>(threads_.size()) + 1 < count) {
      const int number = static_cast<int>(threads_.size()) + 1;
      threads_.emplace_back([this, number, seen = job_] { wait(number, seen); });
      threads_.back().detach();
    }
    count_ = count;
  }

  int size() const { return count_; }

  // Calls work(item, thread) for every item below `items`, on any thread with tiles configured, and returns when all
  // are done. Threads are numbered from 0.
  void run(std::size_t items, const std::function<void(std::size_t, int)>& work) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      items_ = items;
      next_ = 0;
      busy_ = count_ - 1;
      job_++;
    }
    begin_.notify_all();
    take(work, items, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    end_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void take(const std::function<void(std::size_t, int)>& work, std::size_t items, int number) {
    TileConfiguration tiles;
    for (std::size_t item; (item = next_++) < items;) work(item, number);
  }

  void wait(int number, std::size_t seen) {
    for (;;) {
      const std::function<void(std::size_t, int)>* work;
      std::size_t items;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        begin_.wait(lock, [&] { return job_ != seen; });
        seen = job_;
        if (number >= count_) continue;
        work = work_;
        items = items_;
      }
      take(*work, items, number);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--busy_ == 0) end_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable begin_, end_;
  const std::function<void(std::size_t, int)>* work_ = nullptr;
  std::size_t items_ = 0, job_ = 0;
  std::atomic<std::size_t> next_{0};
  int count_ = 1, busy_ = 0;
};

// Memory at a cache line's start that grows and is kept; what it held is lost when it grows.
class Scratch {
 public:
  template <class T>
  T* get(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    if (bytes > size_) {
      std::free(memory_);
      memory_ = std::aligned_alloc(64, bytes);
      if (memory_ == nullptr) throw std::bad_alloc();
      size_ = bytes;
    }
    return static_cast<T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace midfill
