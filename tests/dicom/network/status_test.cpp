#include <gtest/gtest.h>

#include <set>

#include "dicom/network/acceptor.h"
#include "dicom/network/store_status.h"

namespace {

using Kind = dicom::Verdict::Kind;

TEST(StoreStatus, IsDeliveredForSuccessWarningsAndDuplicates) {
  for (const int status : {0x0000, 0x0001, 0x0107, 0x0111, 0x0116, 0xB000, 0xB006, 0xB007, 0xB123, 0xBFFF}) {
    EXPECT_EQ(dicom::classify(static_cast<std::uint16_t>(status)), Kind::Delivered) << std::hex << status;
  }
}

TEST(StoreStatus, IsLaterForWhatMayPass) {
  for (const int status : {0x0110, 0x0210, 0x0213, 0xA700, 0xA701, 0xA711, 0xA7FF, 0xFE00, 0xFF00, 0xA800, 0x1234}) {
    EXPECT_EQ(dicom::classify(static_cast<std::uint16_t>(status)), Kind::Later) << std::hex << status;
  }
}

TEST(StoreStatus, IsNeverForWhatIsWrongWithTheInstance) {
  for (const int status : {0x0105, 0x0106, 0x0112, 0x0115, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0122, 0x0124,
                           0x0211, 0x0212, 0xA900, 0xA9FF, 0xC000, 0xCFFF}) {
    EXPECT_EQ(dicom::classify(static_cast<std::uint16_t>(status)), Kind::Never) << std::hex << status;
  }
}

TEST(StoreStatus, IsOneForEachAnswerOfOurs) {
  std::set<dicom::StoreStatus> answers;
  for (const auto& answer : dicom::store_answers()) answers.insert(answer.status);
  EXPECT_EQ(answers.size(), dicom::store_answers().size());
  for (const auto status :
       {dicom::StoreStatus::Success, dicom::StoreStatus::OutOfResources, dicom::StoreStatus::DataSetMismatch,
        dicom::StoreStatus::CannotUnderstand, dicom::StoreStatus::Refused, dicom::StoreStatus::InvalidInstance})
    EXPECT_TRUE(answers.contains(status)) << static_cast<int>(status);
}

TEST(StoreStatus, HasWords) {
  EXPECT_EQ(dicom::describe_status(0xA701), "status 0xA701: out of resources");
  EXPECT_EQ(dicom::describe_status(0xB007), "status 0xB007: warning: data set does not match SOP class");
}

TEST(Rejection, IsNeverOnlyWhenPeopleMustChangeSomething) {
  EXPECT_EQ(dicom::classify_rejection(1, 1, 3), Kind::Never);  // calling AE title
  EXPECT_EQ(dicom::classify_rejection(1, 1, 7), Kind::Never);  // called AE title
  EXPECT_EQ(dicom::classify_rejection(1, 1, 2), Kind::Never);  // application context
  EXPECT_EQ(dicom::classify_rejection(1, 2, 2), Kind::Never);  // protocol version
  EXPECT_EQ(dicom::classify_rejection(1, 1, 1), Kind::Later);  // no reason: a full disk, at a known node
  EXPECT_EQ(dicom::classify_rejection(2, 1, 3), Kind::Later);  // transient
  EXPECT_EQ(dicom::classify_rejection(2, 3, 2), Kind::Later);  // local limit
}

}  // namespace
