#!/usr/bin/python3
"""What a PACS holds of a simulated exam beside the truth: read with pydicom from what the PACS gives back, not from Herald.

compare_with_truth.py ORTHANC_URL TRUTH.json FOLDER    downloads into FOLDER; exit 0 when every lesion median lies within 2 % of the truth
"""
import json, os, sys, urllib.request
import warnings
import pydicom

warnings.filterwarnings('ignore')
TOLERANCE = 0.02
TITLES = {'T2star': 'T2*'}


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def download(pacs, folder):
    os.makedirs(folder, exist_ok=True)
    objects = []
    for n, identifier in enumerate(json.loads(get(pacs + '/instances')), 1):
        path = os.path.join(folder, f'{n:05}.dcm')
        with open(path, 'wb') as file:
            file.write(get(f'{pacs}/instances/{identifier}/file'))
        objects.append(pydicom.dcmread(path))
    return objects


def print_series(objects):
    series = {}
    for o in objects:
        series.setdefault((int(o.SeriesNumber), o.SeriesInstanceUID, o.Modality, o.SeriesDescription), []).append(o)
    for (number, _, modality, description), instances in sorted(series.items()):
        print(f'  series {number}  {modality:<3} {len(instances):>4} objects  {description}')


def items(node):
    for child in node.get('ContentSequence', []):
        yield child
        yield from items(child)


def name(item):
    return item.ConceptNameCodeSequence[0].CodeMeaning if 'ConceptNameCodeSequence' in item else ''


def number(item):
    value = item.MeasuredValueSequence[0]
    return float(value.NumericValue), value.MeasurementUnitsCodeSequence[0].CodeValue


def printed(slot, quantity):
    """the name under which the report prints a slot: T1 pre, T2*, ADC dwi"""
    words = slot.split('_')
    if words[0] == quantity.lower():
        words = words[1:]
    return ' '.join([TITLES.get(quantity, quantity)] + words)


def compare(report, truth):
    found = {name(i): number(i) for i in items(report) if i.ValueType == 'NUM'}
    worst = 0
    print(f'  {"map":<10} {"lesion median":>14} {"truth":>10}  {"unit":<12} deviation')
    for slot, expected in truth['lesion']['slots'].items():
        title = printed(slot, expected['quantity'])
        value, unit = found.get(title + ' median (lesion)', (float('nan'), '?'))
        deviation = value / expected['value'] - 1
        bad = not abs(deviation) <= TOLERANCE or unit != expected['unit']
        worst += bad
        print(f'  {title:<10} {value:>14.1f} {expected["value"]:>10.1f}  {unit:<12} {100 * deviation:+.2f} %{"  OUT OF TOLERANCE" if bad else ""}')
    return worst


def print_text_report(report):
    for item in items(report):
        if item.ValueType == 'TEXT' and item.RelationshipType == 'CONTAINS':
            print(f'  {name(item)}: {item.TextValue}')
        elif item.ValueType == 'NUM':
            value, unit = number(item)
            print(f'  {name(item)}: {value:g}{"" if unit == "1" else " " + unit}')


def main():
    pacs, truth_file, folder = sys.argv[1:]
    with open(truth_file) as file:
        truth = json.load(file)
    objects = download(pacs, folder)
    print_series(objects)
    reports = [o for o in objects if o.Modality == 'SR']
    measurements = [o for o in reports if o.SeriesDescription.startswith('Lesion measurements')]
    # Of several revisions the one that nothing replaces.
    nomograms = [o for o in reports if o.ConceptNameCodeSequence[0].CodeValue == '126001']
    nomograms.sort(key=lambda o: 'PredecessorDocumentsSequence' in o)
    if not measurements or not nomograms:
        sys.exit('a report is missing')
    print('== the lesion, measured and true')
    bad = compare(measurements[-1], truth)
    print(f'== the nomogram, {len(nomograms)} revision{"s" if len(nomograms) > 1 else ""}')
    print_text_report(nomograms[-1])
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
