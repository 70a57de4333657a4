#include "tests/fitting/bound.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>

namespace fitting {
namespace {

// Signals of the model with one parameter changed by `step`.
Eigen::VectorXd changed(const Model& model, const Protocol& protocol, std::vector<double> truth, std::size_t parameter,
                        double step) {
  truth[parameter] += step;
  truth.resize(kMaxParameters);
  std::vector<double> signal(protocol.axis.size());
  model.signal(protocol, truth, signal);
  return Eigen::Map<Eigen::VectorXd>(signal.data(), static_cast<Eigen::Index>(signal.size()));
}

}  // namespace

std::vector<double> lower_bound(const Model& model, const Protocol& protocol, const std::vector<double>& truth,
                                double sigma, const std::vector<std::size_t>& known) {
  std::vector<std::size_t> unknown;
  for (std::size_t p = 0; p < truth.size(); ++p) {
    if (std::ranges::find(known, p) == known.end()) unknown.push_back(p);
  }
  // Scaled to relative changes, so that the information is well conditioned.
  Eigen::MatrixXd jacobian(protocol.axis.size(), unknown.size());
  for (std::size_t u = 0; u < unknown.size(); ++u) {
    const std::size_t p = unknown[u];
    const double step = 1e-5 * truth[p];
    jacobian.col(static_cast<Eigen::Index>(u)) =
        (changed(model, protocol, truth, p, step) - changed(model, protocol, truth, p, -step)) / 2e-5;
  }
  const Eigen::MatrixXd covariance = (jacobian.transpose() * jacobian).inverse();
  std::vector<double> bound(truth.size(), 0.0);
  for (std::size_t u = 0; u < unknown.size(); ++u) {
    const auto i = static_cast<Eigen::Index>(u);
    bound[unknown[u]] = sigma * std::sqrt(covariance(i, i)) * truth[unknown[u]];
  }
  return bound;
}

}  // namespace fitting
