#pragma once
// A structured report as a tree of values, read by DCMTK's data set parser alone: none of our writers' code.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace report {

struct Item {
  std::string type, name, text;  // Value Type; meaning of the concept; text, meaning of the code, or UID
  std::optional<double> number;
  std::string unit;
  std::vector<Item> children;

  // Every item below with such a beginning of its name, in document order.
  [[nodiscard]] std::vector<const Item*> named(const std::string& beginning) const;
  // All texts and names below, a line each.
  [[nodiscard]] std::string all_text() const;
};

struct Report {
  Item root;
  std::string sop_instance_uid, series_description, sop_class_uid;
  std::vector<std::string> predecessors;  // SOP Instance UIDs
};

[[nodiscard]] Report read(const std::filesystem::path& file);

}  // namespace report
