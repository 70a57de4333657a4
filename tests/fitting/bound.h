#pragma once
// The Cramer-Rao lower bound of any model at any protocol: what no unbiased estimator can beat. Independent of the
// standard errors of the maps: it knows Model::signal only.
#include <vector>

#include "fitting/model.h"

namespace fitting {

// Standard deviation of each parameter, its unit, at `truth` for Gaussian noise of `sigma`: the root of the diagonal of
// sigma^2 (J'J)^-1, J by central differences of the signal. Parameters listed in `known` are no unknowns: 0. Magnitudes
// of a signal well above the noise have the same bound.
[[nodiscard]] std::vector<double> lower_bound(const Model& model, const Protocol& protocol,
                                              const std::vector<double>& truth, double sigma,
                                              const std::vector<std::size_t>& known = {});

}  // namespace fitting
