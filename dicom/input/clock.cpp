#include "dicom/input/clock.h"

#include <chrono>
#include <cmath>
#include <string_view>

namespace dicom {
namespace {

constexpr double kSecondsPerDay = 86400;

std::string digits_of(const std::string& value, std::string_view separators) {
  std::string digits;
  for (const char c : value)
    if (separators.find(c) == std::string_view::npos) digits.push_back(c);
  return digits;
}

std::optional<int> digits(std::string_view value, std::size_t start, std::size_t count) {
  if (start + count > value.size()) return std::nullopt;
  int result = 0;
  for (const char c : value.substr(start, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    result = result * 10 + (c - '0');
  }
  return result;
}

// Seconds since 1970-01-01 of "20260102", or of "2026.01.02" as old systems write it.
std::optional<double> date_seconds(const std::string& value) {
  const std::string plain = digits_of(value, ".");
  const auto year = digits(plain, 0, 4), month = digits(plain, 4, 2), day = digits(plain, 6, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * kSecondsPerDay;
}

// Seconds of the day of "HHMMSS.FFFFFF"; minutes and seconds may be absent.
std::optional<double> clock_seconds(const std::string& value) {
  const std::string plain = digits_of(value, ":");
  const auto hours = digits(plain, 0, 2);
  if (!hours || *hours > 23) return std::nullopt;
  const int minutes = digits(plain, 2, 2).value_or(0), seconds = digits(plain, 4, 2).value_or(0);
  if (minutes > 59 || seconds > 60) return std::nullopt;
  double fraction = 0, weight = 0.1;
  for (std::size_t at = 7; at < plain.size() && plain[6] == '.' && plain[at] >= '0' && plain[at] <= '9';
       ++at, weight /= 10)
    fraction += weight * (plain[at] - '0');
  return *hours * 3600.0 + minutes * 60.0 + seconds + fraction;
}

// The day on which the scanner acquired, or the nearest that the header tells.
std::optional<double> day_of(DcmItem& item) {
  for (const DcmTagKey& tag : {DCM_AcquisitionDate, DCM_ContentDate, DCM_SeriesDate, DCM_StudyDate})
    if (const auto day = date_seconds(text(item, tag))) return day;
  return std::nullopt;
}

}  // namespace

std::optional<double> moment_of(const std::string& date_time) {
  if (date_time.size() < 14) return std::nullopt;
  const auto day = date_seconds(date_time.substr(0, 8)), clock = clock_seconds(date_time.substr(8));
  return day && clock ? std::optional(*day + *clock) : std::nullopt;
}

std::optional<double> acquisition_time(DcmItem& item) {
  if (const auto moment = moment_of(text(item, DCM_AcquisitionDateTime))) return moment;
  const auto day = day_of(item), clock = clock_seconds(text(item, DCM_AcquisitionTime));
  return day && clock ? std::optional(*day + *clock) : std::nullopt;
}

std::optional<double> content_time(DcmItem& item) {
  const auto day = date_seconds(text(item, DCM_ContentDate)), clock = clock_seconds(text(item, DCM_ContentTime));
  return day && clock ? std::optional(*day + *clock) : std::nullopt;
}

std::optional<double> contrast_start(DcmItem& item, std::optional<double> acquired) {
  const auto clock = clock_seconds(text(item, DCM_ContrastBolusStartTime));
  const auto day = date_seconds(text(item, DCM_StudyDate));
  if (!clock || (!day && !acquired)) return std::nullopt;
  const double start = day.value_or(0) + *clock;
  return acquired ? start + std::round((*acquired - start) / kSecondsPerDay) * kSecondsPerDay : start;
}

}  // namespace dicom
