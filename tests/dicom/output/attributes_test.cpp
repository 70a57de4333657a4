// Every attribute that reference dicom.md 2.1 to 2.4 lists, read by pydicom: what highdicom and dcmqi write and their
// readers expect. dciodvfy stays silent when some of them are missing (dicom.md 4), and it knows no template.
#include <gmock/gmock.h>

#include "dicom/output/pages.h"
#include "dicom/output/result_segmentation.h"
#include "tests/dicom/output/report_case.h"
#include "tests/support/judges.h"

namespace dicom {
namespace {

using synthetic::kRoot;

// has(d, 'A[0].B', value): the value at a path; value None: present and not empty; '': present, may be empty.
const std::string kPrelude = R"(
import sys, pydicom
from pydicom.tag import Tag
d = pydicom.dcmread(sys.argv[1])
wrong = []
def at(item, path):
    for part in path.split('.'):
        name, _, index = part.partition('[')
        item = getattr(item, name)
        if index: item = item[int(index[:-1])]
    return item
def has(path, value=None, item=None):
    try: found = at(d if item is None else item, path)
    except Exception as e:
        wrong.append(path + ' is missing'); return
    if value is None and (found is None or found == '' or found == []): wrong.append(path + ' is empty')
    if value not in (None, '') and found != value: wrong.append('%s is %r, not %r' % (path, found, value))
def code(path, value, scheme, item=None):
    has(path + '[0].CodeValue', value, item); has(path + '[0].CodingSchemeDesignator', scheme, item)
    has(path + '[0].CodeMeaning', None, item)
def absent(path):
    try: at(d, path); wrong.append(path + ' is there')
    except Exception: pass
# 2.4: patient and study of the source, equipment that is ours, contributors, character set, marks.
def common():
    for name in ('PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'StudyInstanceUID', 'StudyDate', 'StudyTime',
                 'StudyID', 'AccessionNumber', 'SeriesInstanceUID', 'SeriesNumber', 'Manufacturer', 'DeviceSerialNumber',
                 'SoftwareVersions', 'InstanceNumber', 'ContentDate', 'ContentTime', 'SOPInstanceUID'): has(name)
    has('ReferringPhysicianName', '')
    has('SpecificCharacterSet', 'ISO_IR 192'); has('ManufacturerModelName', 'Herald')
    if not d.SeriesDescription.endswith('(RESEARCH)'): wrong.append('Series Description is not marked')
    code('ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence', '109101', 'DCM')
    has('ContributingEquipmentSequence[0].ManufacturerModelName', 'Skyra')
    code('ContributingEquipmentSequence[1].PurposeOfReferenceCodeSequence', '109102', 'DCM')
    has('ContributingEquipmentSequence[1].ContributionDescription')
    for name in ('CodingSchemeDesignator', 'CodingSchemeUID', 'CodingSchemeName', 'CodingSchemeResponsibleOrganization'):
        has('CodingSchemeIdentificationSequence[0].' + name)
    has('CodingSchemeIdentificationSequence[0].CodingSchemeDesignator', '99HERALD')
    if not d.SOPInstanceUID.startswith('2.25.') or len(d.SOPInstanceUID) > 44: wrong.append('UID is not derived')
    if d.file_meta.MediaStorageSOPInstanceUID != d.SOPInstanceUID: wrong.append('meta header names another object')
common()
)";
const std::string kVerdict = "\nassert not wrong, wrong\n";

void expect_attributes(const std::filesystem::path& file, const std::string& checks) {
  const auto verdict = support::pydicom(kPrelude + checks + kVerdict, {file});
  EXPECT_EQ(verdict.status, 0) << verdict.output;
}

TEST(Attributes, OfAParametricMapAreComplete) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const support::TempFolder folder;
  const fitting::Fit fit = synthetic::fit(synthetic::geometry(16, 12, 3));
  const MapRequest request = synthetic::request(fit, synthetic::write_template(folder.path()));
  const auto mr_map = write_mr_map(request, folder.path());
  ASSERT_TRUE(mr_map);
  const auto map = write_parametric_map(request, *mr_map, PixelScale::Real, folder.path());
  ASSERT_TRUE(map);
  expect_attributes(map->file, R"(
has('Modality', 'MR'); has('ImageType', ['DERIVED', 'PRIMARY', 'VOLUME', 'QUANTITY'])
has('ContentLabel'); has('ContentDescription'); has('ContentQualification', 'RESEARCH'); has('ContentCreatorName', '')
has('RecognizableVisualFeatures', 'NO'); has('BurnedInAnnotation', 'NO'); has('LossyImageCompression', '00')
has('PresentationLUTShape', 'IDENTITY'); has('PixelPresentation', 'MONOCHROME')
has('PhotometricInterpretation', 'MONOCHROME2'); has('BitsAllocated', 32); has('SamplesPerPixel', 1)
has('AcquisitionContextSequence', ''); has('FrameOfReferenceUID'); has('PositionReferenceIndicator', '')
has('PatientPosition', 'FFP'); has('BodyPartExamined', 'BREAST')
has('DimensionOrganizationSequence[0].DimensionOrganizationUID')
for n, pointer in enumerate([0x00209056, 0x00209057]):
    has('DimensionIndexSequence[%d].DimensionIndexPointer' % n, Tag(pointer))
    has('DimensionIndexSequence[%d].FunctionalGroupPointer' % n, Tag(0x00209111))
s = d.SharedFunctionalGroupsSequence[0]
for name in ('PixelSpacing', 'SliceThickness', 'SpacingBetweenSlices'): has('PixelMeasuresSequence[0].' + name, None, s)
has('PlaneOrientationSequence[0].ImageOrientationPatient', None, s)
code('FrameAnatomySequence[0].AnatomicRegionSequence', '76752008', 'SCT', s)
has('FrameAnatomySequence[0].FrameLaterality', 'B', s)
for name, value in (('RescaleIntercept', 0), ('RescaleSlope', 1), ('RescaleType', 'US')):
    has('PixelValueTransformationSequence[0].' + name, value, s)
has('FrameVOILUTSequence[0].WindowCenter', 1250, s); has('FrameVOILUTSequence[0].WindowWidth', 2500, s)
has('FrameVOILUTSequence[0].VOILUTFunction', 'LINEAR_EXACT', s)
has('ParametricMapFrameTypeSequence[0].FrameType', ['DERIVED', 'PRIMARY', 'VOLUME', 'QUANTITY'], s)
m = s.RealWorldValueMappingSequence[0]
has('RealWorldValueSlope', 1, m); has('RealWorldValueIntercept', 0, m)
has('DoubleFloatRealWorldValueFirstValueMapped', '', m); has('DoubleFloatRealWorldValueLastValueMapped', None, m)
has('LUTLabel', 'T1', m); has('LUTExplanation', None, m); code('MeasurementUnitsCodeSequence', 'ms', 'UCUM', m)
for n, (name, scheme, value) in enumerate([('246205007', 'SCT', '113063'), ('370129005', 'SCT', '126350'),
                                           ('113241', 'DCM', '113261')]):
    code('QuantityDefinitionSequence[%d].ConceptNameCodeSequence' % n, name, scheme, m)
    has('QuantityDefinitionSequence[%d].ConceptCodeSequence[0].CodeValue' % n, value, m)
    has('QuantityDefinitionSequence[%d].ValueType' % n, 'CODE', m)
for f in d.PerFrameFunctionalGroupsSequence:
    has('PlanePositionSequence[0].ImagePositionPatient', None, f)
    for name in ('StackID', 'InStackPositionNumber', 'DimensionIndexValues', 'FrameReferenceDateTime'):
        has('FrameContentSequence[0].' + name, None, f)
    code('DerivationImageSequence[0].DerivationCodeSequence', '110001', 'DCM', f)
    has('DerivationImageSequence[0].DerivationDescription', None, f)
    code('DerivationImageSequence[0].SourceImageSequence[0].PurposeOfReferenceCodeSequence', '121322', 'DCM', f)
first = d.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
listed = d.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
if first != listed: wrong.append('the first source is not the displayed series')
)");
}

TEST(Attributes, OfASegmentationAreComplete) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const support::TempFolder folder;
  const fitting::Geometry g = synthetic::geometry(9, 7, 3);
  SegmentationRequest request;
  request.template_image = synthetic::write_template(folder.path());
  for (int k = 1; k <= 3; ++k)
    request.per_slice.push_back({{UID_MRImageStorage, kRoot + ".1.10." + std::to_string(k), kRoot + ".1.10"}});
  fitting::Mask mask{g, std::vector<std::uint8_t>(g.voxels())};
  mask.inside[70] = mask.inside[71] = 1;
  request.segments = {{"Lesion 1", "lesion-1", kRoot + ".7.1", {}, {}, "L", "AUTOMATIC", "Herald proposal", "", mask}};
  request.content_label = "PROPOSAL";
  request.content_datetime = "20261101113000";
  request.equipment.version = "0.1.0";
  const auto written = write_result_segmentation(request, folder.path());
  ASSERT_TRUE(written) << written.error().what;
  expect_attributes(written->file, R"(
has('Modality', 'SEG'); has('ImageType', ['DERIVED', 'PRIMARY']); has('SegmentationType', 'BINARY')
has('ContentLabel', 'PROPOSAL'); has('ContentDescription'); has('ContentCreatorName')
has('BitsAllocated', 1); has('BitsStored', 1); has('HighBit', 0); has('PixelRepresentation', 0)
has('SamplesPerPixel', 1); has('PhotometricInterpretation', 'MONOCHROME2'); has('LossyImageCompression', '00')
has('Rows', 7); has('Columns', 9); has('NumberOfFrames', 1); has('FrameOfReferenceUID')
has('BurnedInAnnotation', 'NO'); has('RecognizableVisualFeatures', 'NO'); has('ImageComments')
absent('MaximumFractionalValue')
g = d.SegmentSequence[0]
has('SegmentNumber', 1, g); has('SegmentLabel', 'Lesion 1', g); has('SegmentDescription', 'unreviewed proposal', g)
has('SegmentAlgorithmType', 'AUTOMATIC', g); has('SegmentAlgorithmName', 'Herald proposal', g)
code('SegmentedPropertyCategoryCodeSequence', '49755003', 'SCT', g)
code('SegmentedPropertyTypeCodeSequence', '108369006', 'SCT', g); code('AnatomicRegionSequence', '76752008', 'SCT', g)
code('AnatomicRegionSequence[0].AnatomicRegionModifierSequence', '7771000', 'SCT', g)
has('TrackingID', 'lesion-1', g); has('TrackingUID', None, g)
if len(g.RecommendedDisplayCIELabValue) != 3: wrong.append('no colour')
a = 'SegmentationAlgorithmIdentificationSequence[0].'
code(a + 'AlgorithmFamilyCodeSequence', g.SegmentationAlgorithmIdentificationSequence[0]
     .AlgorithmFamilyCodeSequence[0].CodeValue, '99HERALD', g)
has(a + 'AlgorithmName', 'Herald proposal', g); has(a + 'AlgorithmVersion', '0.1.0', g)
for n, (pointer, group) in enumerate([(0x0062000B, 0x0062000A), (0x00200032, 0x00209113)]):
    has('DimensionIndexSequence[%d].DimensionIndexPointer' % n, Tag(pointer))
    has('DimensionIndexSequence[%d].FunctionalGroupPointer' % n, Tag(group))
s = d.SharedFunctionalGroupsSequence[0]
for name in ('PixelSpacing', 'SliceThickness', 'SpacingBetweenSlices'): has('PixelMeasuresSequence[0].' + name, None, s)
has('PlaneOrientationSequence[0].ImageOrientationPatient', None, s)
f = d.PerFrameFunctionalGroupsSequence[0]
has('SegmentIdentificationSequence[0].ReferencedSegmentNumber', 1, f)
has('FrameContentSequence[0].DimensionIndexValues', [1, 1], f)
has('PlanePositionSequence[0].ImagePositionPatient', None, f)
code('DerivationImageSequence[0].DerivationCodeSequence', '113076', 'DCM', f)
code('DerivationImageSequence[0].SourceImageSequence[0].PurposeOfReferenceCodeSequence', '121322', 'DCM', f)
has('ReferencedSeriesSequence[0].SeriesInstanceUID')
has('ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID')
)");
}

// The check itself: an attribute is taken away, and it is noticed.
TEST(Attributes, AreNoticedWhenTheyAreMissing) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const Case c;
  const auto file = c.measured().file;
  expect_attributes(file, "has('VerificationFlag', 'UNVERIFIED')");
  DcmFileFormat stripped;
  ASSERT_TRUE(stripped.loadFile(file.c_str()).good());
  delete stripped.getDataset()->remove(DCM_VerificationFlag);
  ASSERT_TRUE(stripped.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
  const auto verdict =
      support::pydicom(kPrelude + "has('VerificationFlag', 'UNVERIFIED')\nhas('Modality', 'MR')" + kVerdict, {file});
  EXPECT_NE(verdict.status, 0);
  EXPECT_THAT(verdict.output, testing::HasSubstr("VerificationFlag is missing"));
  EXPECT_THAT(verdict.output, testing::HasSubstr("Modality is 'SR', not 'MR'"));
}

// Of an SR: what both documents with measurements have; `items` finds content items by concept.
const std::string kReport = R"(
has('Modality', 'SR'); has('CompletionFlag', 'COMPLETE'); has('VerificationFlag', 'UNVERIFIED')
has('CompletionFlagDescription'); has('ReferencedPerformedProcedureStepSequence', '')
has('PerformedProcedureCodeSequence', ''); has('ContinuityOfContent', 'SEPARATE'); has('ValueType', 'CONTAINER')
has('ContentTemplateSequence[0].TemplateIdentifier', '1500'); has('ContentTemplateSequence[0].MappingResource', 'DCMR')
code('ConceptNameCodeSequence', '126000', 'DCM'); absent('VerifyingObserverSequence')
has('CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID', d.StudyInstanceUID)
has('CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPClassUID')
has('PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID')
def items(parent, value):
    return [c for c in parent.get('ContentSequence', []) if 'ConceptNameCodeSequence' in c
            and c.ConceptNameCodeSequence[0].CodeValue == value]
def need(parent, value, relation, kind):
    found = items(parent, value)
    if not found: wrong.append('no item ' + value); return pydicom.Dataset()
    if found[0].RelationshipType != relation or found[0].ValueType != kind: wrong.append(value + ' relates otherwise')
    return found[0]
need(d, '121049', 'HAS CONCEPT MOD', 'CODE'); need(d, '121058', 'HAS CONCEPT MOD', 'CODE')
need(d, '121005', 'HAS OBS CONTEXT', 'CODE'); need(d, '121012', 'HAS OBS CONTEXT', 'UIDREF')
for value in ('121013', '121014', '121015', '121016'): need(d, value, 'HAS OBS CONTEXT', 'TEXT')
need(d, '121008', 'HAS OBS CONTEXT', 'PNAME')
groups = need(d, '126010', 'CONTAINS', 'CONTAINER').get('ContentSequence', [])
if not groups: wrong.append('no measurement group')
evidence = {i.ReferencedSOPInstanceUID for e in d.CurrentRequestedProcedureEvidenceSequence
            for s in e.ReferencedSeriesSequence for i in s.ReferencedSOPSequence}
def every(item):
    yield item
    for c in item.get('ContentSequence', []): yield from every(c)
for c in every(d):
    if 'ReferencedSOPSequence' in c and c.ReferencedSOPSequence[0].ReferencedSOPInstanceUID not in evidence:
        wrong.append('an image is no evidence')
for g in groups:
    code('ConceptNameCodeSequence', '125007', 'DCM', g); has('ContentTemplateSequence[0].TemplateIdentifier', TID, g)
    need(g, '112039', 'HAS OBS CONTEXT', 'TEXT'); need(g, '112040', 'HAS OBS CONTEXT', 'UIDREF')
    need(g, '121071', 'CONTAINS', 'CODE')
    site = need(g, '363698007', 'HAS CONCEPT MOD', 'CODE'); need(site, '272741003', 'HAS CONCEPT MOD', 'CODE')
    statistics = [c for c in g.ContentSequence if c.ValueType == 'NUM' and items(c, '121401')]
    if len(statistics) < 10: wrong.append('statistics are missing')
    for n in statistics:
        need(n, '370129005', 'HAS CONCEPT MOD', 'CODE')
        has('MeasuredValueSequence[0].NumericValue', '', n)
        code('MeasuredValueSequence[0].MeasurementUnitsCodeSequence', n.MeasuredValueSequence[0]
             .MeasurementUnitsCodeSequence[0].CodeValue, 'UCUM', n)
)";

TEST(Attributes, OfReportsAreComplete) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  Case c;
  c.fill();
  expect_attributes(c.measured().file, "TID = '1410'" + kReport + R"(
for g in groups:
    region = need(g, '111030', 'CONTAINS', 'SCOORD')
    has('GraphicType', 'POLYLINE', region); has('ContentSequence[0].RelationshipType', 'SELECTED FROM', region)
    if list(region.GraphicData[:2]) != list(region.GraphicData[-2:]): wrong.append('an outline is open')
)");
  expect_attributes(c.segment_report().file, "TID = '1411'" + kReport + R"(
need(d, '111028', 'CONTAINS', 'CONTAINER')
for g in groups:
    has('ReferencedSOPSequence[0].ReferencedSegmentNumber', 2, need(g, '121191', 'CONTAINS', 'IMAGE'))
    need(g, '121232', 'CONTAINS', 'UIDREF')
    for n in (c for c in g.ContentSequence if c.ValueType == 'NUM'):
        need(n, '111001', 'HAS CONCEPT MOD', 'TEXT'); need(n, '111003', 'HAS CONCEPT MOD', 'TEXT')
        need(n, '121112', 'INFERRED FROM', 'IMAGE')
    if not items(g, '118565006'): wrong.append('no volume')
)");
}

TEST(Attributes, OfPagesAreComplete) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const support::TempFolder folder;
  PageRequest request;
  request.template_image = synthetic::write_template(folder.path());
  request.content_datetime = "20261101113000";
  request.equipment.version = "0.1.0";
  request.evidence = {{UID_ParametricMapStorage, kRoot + ".6.1", kRoot + ".6"}};
  const std::vector<std::uint8_t> rgb(12);
  const std::vector<PageImage> pages = {{2, 2, rgb}};
  const auto pdf = write_encapsulated_pdf(request, "%PDF-1.4\n", folder.path());
  const auto capture = write_secondary_capture(request, pages, folder.path());
  ASSERT_TRUE(pdf && capture);
  expect_attributes(pdf->file, R"(
has('Modality', 'DOC'); has('ConversionType', 'WSD'); has('BurnedInAnnotation', 'NO')
has('MIMETypeOfEncapsulatedDocument', 'application/pdf'); has('DocumentTitle'); has('EncapsulatedDocumentLength', 9)
has('AcquisitionDateTime', ''); code('ConceptNameCodeSequence', '126000', 'DCM')
has('SourceInstanceSequence[0].ReferencedSOPInstanceUID')
)");
  expect_attributes(capture->front().file, R"(
has('Modality', 'OT'); has('ConversionType', 'WSD'); has('BurnedInAnnotation', 'NO')
has('ImageType', ['DERIVED', 'SECONDARY']); has('SamplesPerPixel', 3); has('PhotometricInterpretation', 'RGB')
has('PlanarConfiguration', 0); has('BitsAllocated', 8); has('BitsStored', 8); has('HighBit', 7)
has('PixelRepresentation', 0); has('LossyImageCompression', '00'); has('ImageComments'); has('PatientOrientation', '')
has('SourceImageSequence[0].ReferencedSOPInstanceUID'); has('DerivationDescription')
)");
}

}  // namespace
}  // namespace dicom
