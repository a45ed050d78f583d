#pragma once

#include <nanobind/nanobind.h>

namespace midfill {

void bind_choose(nanobind::module_& m);

}  // namespace midfill
