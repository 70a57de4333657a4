#include "fitting/registration_itk.h"

#include <itkEuler3DTransform.h>
#include <itkImage.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>
#include <itkMultiThreaderBase.h>
#include <itkPointSet.h>
#include <itkRegularStepGradientDescentOptimizerv4.h>

#include <algorithm>
#include <cmath>
#include <mutex>

namespace fitting::itk_edge {
namespace {

using Image = itk::Image<float, 3>;
using Metric = itk::MattesMutualInformationImageToImageMetricv4<Image, Image>;
using Optimizer = itk::RegularStepGradientDescentOptimizerv4<double>;
using Transform = itk::Euler3DTransform<double>;
using Points = Metric::FixedSampledPointSetType;

// ITK takes defaults for its threads from the environment unless told first, and prints warnings to standard error.
void set_up_once() {
  static std::once_flag done;
  std::call_once(done, [] {
    itk::Object::GlobalWarningDisplayOff();
    itk::MultiThreaderBase::SetGlobalDefaultThreader(itk::MultiThreaderBase::ThreaderEnum::Platform);
    itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
    static_cast<void>(Transform::New());  // fills ITK's table of factories, which is not guarded
  });
}

template <class Itk>
Itk itk_of(const Vec3& v) {
  Itk out;
  for (unsigned k = 0; k < 3; ++k) out[k] = static_cast<typename Itk::ValueType>(v[k]);
  return out;
}

// ITK only reads the values, which outlive the image.
Image::Pointer image_of(const Lattice& lattice) {
  auto image = Image::New();
  Image::SizeType size;
  Image::DirectionType directions;
  for (unsigned k = 0; k < 3; ++k) {
    size[k] = lattice.size[k];
    for (unsigned row = 0; row < 3; ++row) directions(row, k) = lattice.directions(row, k);
  }
  image->SetRegions(size);
  image->SetSpacing(itk_of<Image::SpacingType>(lattice.spacing));
  image->SetOrigin(itk_of<Image::PointType>(lattice.origin));
  image->SetDirection(directions);
  auto container = Image::PixelContainer::New();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the container has no read-only form
  container->SetImportPointer(const_cast<float*>(lattice.values.data()), lattice.values.size(), false);
  image->SetPixelContainer(container);
  return image;
}

Points::Pointer points_of(std::span<const Vec3> points) {
  auto set = Points::New();
  set->Initialize();
  for (std::size_t i = 0; i < points.size(); ++i) set->SetPoint(i, itk_of<Points::PointType>(points[i]));
  return set;
}

Transform::ParametersType parameters_of(const Pose& pose) {
  Transform::ParametersType parameters(6);
  std::ranges::copy(pose.parameters, parameters.begin());
  return parameters;
}

Transform::Pointer transform_of(const Pose& pose) {
  auto transform = Transform::New();
  transform->SetIdentity();
  transform->SetParameters(parameters_of(pose));
  return transform;
}

Metric::Pointer metric_of(const Lattice& fixed, const Lattice& moving, const Climb& how, Transform* transform) {
  auto metric = Metric::New();
  const auto fixed_image = image_of(fixed);
  metric->SetFixedImage(fixed_image);
  metric->SetMovingImage(image_of(moving));
  metric->SetVirtualDomainFromImage(fixed_image);
  metric->SetMovingTransform(transform);
  metric->SetNumberOfHistogramBins(static_cast<itk::SizeValueType>(how.histogram_bins));
  metric->SetFixedSampledPointSet(points_of(how.points));
  metric->SetUseSampledPointSet(true);
  // Gradients are wanted at the points only, not of whole images.
  metric->SetUseFixedImageGradientFilter(false);
  metric->SetUseMovingImageGradientFilter(false);
  metric->SetMaximumNumberOfWorkUnits(1);
  metric->Initialize();
  return metric;
}

Optimizer::Pointer optimizer_of(Metric* metric, const Climb& how) {
  auto optimizer = Optimizer::New();
  optimizer->SetMetric(metric);
  optimizer->SetNumberOfWorkUnits(1);
  Optimizer::ScalesType scales(6);
  scales.Fill(1);
  optimizer->SetScales(scales);
  if (how.in_plane_only) {
    Optimizer::ScalesType weights(6);
    for (unsigned k = 0; k < 6; ++k) weights[k] = k == 2 || k == 3 || k == 4 ? 1 : 0;
    optimizer->SetWeights(weights);
  }
  optimizer->SetDoEstimateScales(false);
  optimizer->SetLearningRate(how.first_step);
  optimizer->SetMinimumStepLength(how.last_step);
  optimizer->SetRelaxationFactor(0.6);
  optimizer->SetGradientMagnitudeTolerance(1e-9);
  optimizer->SetNumberOfIterations(how.most_steps);
  optimizer->SetReturnBestParametersAndValue(true);
  return optimizer;
}

bool ended_by_itself(const Optimizer& optimizer) {
  using Stop = itk::StopConditionObjectToObjectOptimizerEnum;
  const auto why = optimizer.GetStopCondition();
  return why == Stop::STEP_TOO_SMALL || why == Stop::GRADIENT_MAGNITUDE_TOLEARANCE;
}

Summit climbed(const Lattice& fixed, const Lattice& moving, const Climb& how) {
  const auto transform = transform_of(Pose{});
  const auto metric = metric_of(fixed, moving, how, transform);
  Summit summit;
  summit.information_at_rest = -metric->GetValue();  // ITK minimises the negative
  transform->SetParameters(parameters_of(how.start));
  const auto optimizer = optimizer_of(metric, how);
  optimizer->StartOptimization();
  std::ranges::copy(transform->GetParameters(), summit.pose.parameters.begin());
  summit.information = -metric->GetValue();
  summit.converged = ended_by_itself(*optimizer);
  return summit;
}

}  // namespace

Pose pose_of(const Eigen::Matrix3d& rotation, const Vec3& translation) {
  // ITK's default order: R = Rz Rx Ry.
  const double x = std::asin(std::clamp(rotation(2, 1), -1.0, 1.0));
  const double y = std::atan2(-rotation(2, 0), rotation(2, 2)), z = std::atan2(-rotation(0, 1), rotation(1, 1));
  return {{x, y, z, translation.x(), translation.y(), translation.z()}};
}

Eigen::Matrix3d rotation_of(const Pose& pose) {
  const auto& [x, y, z, unused_x, unused_y, unused_z] = pose.parameters;
  return (Eigen::AngleAxisd(z, Vec3::UnitZ()) * Eigen::AngleAxisd(x, Vec3::UnitX()) *
          Eigen::AngleAxisd(y, Vec3::UnitY()))
      .toRotationMatrix();
}

Vec3 translation_of(const Pose& pose) { return {pose.parameters[3], pose.parameters[4], pose.parameters[5]}; }

std::variant<Summit, Refusal> climb(const Lattice& fixed, const Lattice& moving, const Climb& how) {
  try {
    set_up_once();
    return climbed(fixed, moving, how);
  } catch (const itk::ExceptionObject&) {  // what it says is about ITK's objects, not about the images
    return Refusal{"the images have too little in common to be compared"};
  } catch (const std::bad_alloc&) {
    return Refusal{"there is not enough memory to register the images"};
  }
}

}  // namespace fitting::itk_edge
