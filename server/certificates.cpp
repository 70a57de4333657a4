#include "server/certificates.h"

#include <algorithm>

#include "server/log.h"

namespace server {
namespace {

constexpr long kWarnedDays = 30;

}  // namespace

long days_left(std::chrono::sys_seconds end, std::chrono::sys_seconds now) {
  return static_cast<long>(std::chrono::floor<std::chrono::days>(end - now).count());
}

std::vector<std::filesystem::path> own_certificates(const config::Settings& settings) {
  std::vector<std::filesystem::path> files;
  const auto add = [&](const dicom::TlsFiles& tls) {
    if (!tls.certificate.empty() && std::ranges::count(files, tls.certificate) == 0) files.push_back(tls.certificate);
  };
  if (settings.receive.tls) add(settings.receive.tls->files);
  for (const config::Destination& destination : settings.destinations)
    if (destination.peer.tls) add(destination.peer.tls->files);
  if (settings.query && settings.query->peer.tls) add(settings.query->peer.tls->files);
  return files;
}

CertificateWatch::CertificateWatch(const config::Settings& settings, dicom::Acceptor& acceptor,
                                   std::chrono::sys_seconds now)
    : settings_(settings), acceptor_(acceptor) {
  if (const auto own = acceptor_.certificate())
    log::tls_listening(acceptor_.tls_port(), own->subject, dicom::date_of(own->not_after));
  warn(now);
}

void CertificateWatch::look(std::chrono::sys_seconds now) {
  take_changes(false);
  warn(now);
}

void CertificateWatch::reload() { take_changes(true); }

void CertificateWatch::take_changes(bool anyway) {
  const auto taken = acceptor_.reload_tls(anyway);
  if (!taken) return log::tls_reload_failed(taken.error().what);
  if (!*taken) return;
  const auto own = acceptor_.certificate();
  log::tls_reloaded(own->subject, dicom::date_of(own->not_after));
  warned_.reset();  // the new one may be as old as the old one
}

// Once a day, of the files as they are now: what is in force follows them within a minute.
void CertificateWatch::warn(std::chrono::sys_seconds now) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  if (warned_ == today) return;
  warned_ = today;
  for (const auto& file : own_certificates(settings_)) {
    const auto chain = dicom::read_certificates(file);
    if (!chain) {
      log::trouble("certificates", chain.error().what);
      continue;
    }
    const dicom::Certificate& own = chain->front();
    const long days = days_left(own.not_after, now);
    if (days <= kWarnedDays) log::certificate_expires(file.string(), own.subject, dicom::date_of(own.not_after), days);
  }
}

}  // namespace server
