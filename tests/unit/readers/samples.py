"""Small exports of every format, made here: what readers are tested on where no external file is needed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import openpyxl

QUANTSTUDIO = (
    "* Block Type = 96-Well Block (0.2mL)\n"
    "* Experiment Name = CAR_P01\n"
    "* Instrument Type = QuantStudio(TM) 7 Flex System\n"
    "\n"
    "[Sample Setup]\n"
    "Well\tWell Position\tSample Name\tSample Color\tTarget Name\tTask\tReporter\tQuantity\tComments\n"
    '1\tA1\t\t"RGB(0,0,255)"\tCAR\tSTANDARD\tFAM\t1,000.000\tlot 7\n'
    '2\tA2\t\t"RGB(0,0,255)"\tCAR\tSTANDARD\tFAM\t100.000\t\n'
    '3\tA3\tS01\t"RGB(0,0,255)"\tCAR\tUNKNOWN\tFAM\t\t\n'
    "4\tA4\t\t\tCAR\tNTC\tFAM\t\t\n"
    "5\tA5\t\t\t\t\t\t\t\n"
    "\n"
    "[Amplification Data]\n"
    "Well\tCycle\tTarget Name\tRn\n"
    "1\t1\tCAR\t0.627\n"
    "\n"
    "[Results]\n"
    "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tC\u0442\tCt Mean\tQuantity\tCt Threshold\tComments\n"
    "1\tA1\tfalse\t\tCAR\tSTANDARD\tFAM\t28.101\t28.101\t1,000.000\t0.074\t\n"
    "2\tA2\ttrue\t\tCAR\tSTANDARD\tFAM\t31.502\t31.502\t100.000\t0.074\t\n"
    "3\tA3\tfalse\tS01\tCAR\tUNKNOWN\tFAM\t24.700\t24.700\t10,250.500\t0.074\t\n"
    "4\tA4\tfalse\t\tCAR\tNTC\tFAM\tUndetermined\t\t\t0.074\t\n"
    "\n"
    "Analysis Type\tSingleplex\n"
)

DESIGN_AND_ANALYSIS_CSV = (
    "# File Name: D:\\runs\\run_7.eds\n"
    "# Barcode: C3C01IO4\n"
    "# Software Name and Version: Design & Analysis Software v2.7.0\n"
    '"Well","Well Position","Omit","Sample","Target","Task","Reporter","Cq","Quantity","Amp Status"\n'
    '"1","A1","FALSE","10000","KAZ","STANDARD","FAM","24.5","10000","AMP"\n'
    '"2","A2","FALSE","S01","KAZ","UNKNOWN","FAM","27.25","1480.5","AMP"\n'
    '"3","A3","FALSE","NTC","KAZ","NTC","FAM","UNDETERMINED","","NO_AMP"\n'
)

CFX = (
    ",Well,Fluor,Target,Content,Sample,Biological Set Name,Cq,Cq Mean,Starting Quantity (SQ),Set Point,Well Note\n"
    ",A01,FAM,CAR,Std-01,,,22.5,22.5,100000,60,\n"
    ",A02,FAM,CAR,Unkn-01,S01,day 7,27.125,27.125,4100.5,60,\n"
    ",A03,FAM,,NTC,,,NaN,0,NaN,60,\n"
    ",A04,HEX,,Pos Ctrl,P1,,25,25,NaN,60,\n"
)

RDML_XML = """<?xml version="1.0" encoding="UTF-8"?>
<rdml version="1.3" xmlns="http://www.rdml.org">
  <dateMade>2024-01-01T00:00:00</dateMade>
  <sample id="STD1"><type>std</type><quantity><value>1000</value><unit>cop</unit></quantity></sample>
  <sample id="S01"><description>day 7</description><type>unkn</type></sample>
  <sample id="N"><type>ntc</type></sample>
  <target id="CAR"><type>toi</type><dyeId id="FAM"/></target>
  <experiment id="E1"><run id="R1">
    <pcrFormat><rows>8</rows><columns>12</columns><rowLabel>ABC</rowLabel><columnLabel>123</columnLabel></pcrFormat>
    <react id="1"><sample id="STD1"/><data><tar id="CAR"/><cq>27.5</cq><adp><cyc>1</cyc><fluor>0.1</fluor></adp></data></react>
    <react id="14"><sample id="S01"/><data><tar id="CAR"/><cq>30.25</cq><quantity><value>150.5</value><unit>cop</unit></quantity></data></react>
    <react id="3"><sample id="N"/><data><tar id="CAR"/><cq>-1.0</cq></data></react>
    <react id="4"><sample id="S01"/><data><tar id="CAR"/><cq>31</cq><excl>bubble</excl></data></react>
  </run></experiment>
</rdml>
"""

QUANTASOFT = (
    "Well,ExptType,Experiment,Sample,TypeAssay,Assay,Status,Concentration,PoissonConfMax,Positives,Negatives,AcceptedDroplets,MergedWells\n"
    '"A01",Absolute Quantification,"","S01",Ch1Unknown,"CAR","OK",141,147,1901,13919,15820,""\n'
    '"A01",Absolute Quantification,"","S01",Ch2Reference,"RPP30","OK",147,153,1978,13842,15820,""\n'
    '"A02",Absolute Quantification,"","NTC",Ch1NTC,"CAR","OK",No Call,,0,14000,14000,""\n'
    '"M01",Absolute Quantification,"","S01",Ch1Unknown,"CAR","OK",142,148,3802,27838,31640,"(A01,B01)"\n'
)

_QX = (
    "Well", "Sample description 1", "Sample description 2", "Target", "Conc(copies/µL)", "Status", "SampleType", "TargetType",
    "DyeName(s)", "Accepted Droplets", "Positives", "Negatives", "Ch1+Ch2+", "Ch3+Ch4+",
)  # fmt: skip
QX_ROWS: Sequence[Sequence[object]] = (
    _QX,
    ("A01", "S01", "PBMC", "CAR", 1.3203125, "Manual", "Unknown", "Unknown", "FAM", 15252, 16, 15236, 1, 0),
    ("A01", "S01", "PBMC", "RPP30", 310.25, "Manual", "Unknown", "Reference", "VIC", 15252, 3535, 11717, 1, 0),
    ("B01", "NTC", "", "CAR", "No Call", "OK", "NTC", "Unknown", "FAM", 15000, 0, 15000, 0, 0),
)

QX_CLUSTERS = (
    "Target value of 0 = negative\nTarget value of 1 = positive\nTarget value of u = unclassified\n\n"
    "Well,Target 1,Target 2,Target 3,Count,Ch1 Mean,Cluster ID\n"
    "A01,0,0,,15000,302.8,1,\n"
    "A01,1,0,,40,3855.2,2,\n"
    "A01,0,1,,60,373.0,3,\n"
    "A01,1,1,,5,3987.3,4,\n"
    "A01,u,1,,7,2000.0,5,\n"
    "\n"
    "Well,Cluster 1,Cluster 2,Angle,S Value\n"
    "A01,PN,NP,96.31,20.4\n"
)

ABSOLUTE_Q = (
    "Run,Date,Instrument,Plate,Group,Name,Well,Total,Dye,Target,Conc. cp/uL,SD,CV%,95%CI,Positives\n"
    "run1,5/19/2023,Q 0140,P7,Group 1 (2),,Average,20431,VIC,CAR,1.9,,,1.1,17\n"
    "run1,5/19/2023,Q 0140,P7,Group 1,S01,A1,20413,VIC,CAR,0,,,0,0\n"
    "run1,5/19/2023,Q 0140,P7,Group 1,S01,B1,20449,VIC,CAR,3.85,,,1.1,34\n"
)

QIACUITY = (
    "sep=,\n"
    '"Plate name","Plate ID","Well","Sample/NTC/Control","Type","Reaction Mix","Target (Name)","Conc. [cp/µL] (dPCR reaction)",'
    '"Partitions (Valid)","Partitions (Positive)","Partitions (Negative)","Concentration factor"\n'
    '"plate 9","id9","A1","S01","Sample","mix","CAR","12.5","8261","300","7961","10"\n'
    '"","","A2","NTC","Non Template Control","mix","CAR","0.0","8220","0","8220","1"\n'
)

XPONENT = (
    '"Program","xPONENT","","FlexMAP 3D"\n"Build","4.3.229.0"\n"Batch","P1"\n'
    '"Most Recent Calibration and Verification Results:"\n"Last CAL1 Calibration","Passed"\n\n'
    '"Samples","5","Min Events","50","Per Bead"\n\n"Results"\n\n'
    '"DataType:","Median"\n"Location","Sample","IL-6","IL-15","Total Events"\n'
    '"1(1,A1)","Background0","10.5","9","300"\n"2(1,B1)","Standard1","20000","15000","310"\n'
    '"3(1,C1)","Standard2","5000","4000.5","305"\n"4(1,D1)","Control1","900","800","290"\n"5(1,E1)","S01","NaN","55","120"\n\n'
    '"DataType:","Net MFI"\n"Location","Sample","IL-6","IL-15","Total Events"\n'
    '"1(1,A1)","Background0","0","0","300"\n"2(1,B1)","Standard1","19989.5","14991","310"\n'
    '"3(1,C1)","Standard2","4989.5","3991.5","305"\n"4(1,D1)","Control1","889.5","791","290"\n"5(1,E1)","S01","NaN","46","120"\n\n'
    '"DataType:","Count"\n"Location","Sample","IL-6","IL-15","Total Events"\n'
    '"1(1,A1)","Background0","60","61","300"\n"2(1,B1)","Standard1","62","63","310"\n'
    '"3(1,C1)","Standard2","64","65","305"\n"4(1,D1)","Control1","66","67","290"\n"5(1,E1)","S01","0","12","120"\n\n'
    '"DataType:","Result"\n"Location","Sample","IL-6","IL-15","Total Events"\n'
    '"1(1,A1)","Background0","NaN","NaN","300"\n"2(1,B1)","Standard1","10010","4990","310"\n'
    '"3(1,C1)","Standard2","2499","1251","305"\n"4(1,D1)","Control1","401","299","290"\n"5(1,E1)","S01","OOR <","<2.5","120"\n\n'
    '"DataType:","Avg Result"\n"Sample","IL-6","IL-15"\n"Standard1","10010","4990"\n"S01","OOR <","<2.5"\n\n'
    '"DataType:","Units"\n"Analyte:","IL-6","IL-15"\n"BeadID:","28","35"\n"Units:","pg/mL","pg/mL"\n\n'
    '"DataType:","Standard Expected Concentration"\n"Reagent","IL-6","IL-15"\n"Standard1","10000","5000"\n"Standard2","2500","1250"\n\n'
    '"DataType:","Control Expected Concentration"\n"Reagent","IL-6","IL-15"\n"Control1","400","300"\n\n'
    '"DataType:","Dilution Factor"\n"Location","Sample","Dilution Factor"\n'
    '"1(1,A1)","Background0","1"\n"2(1,B1)","Standard1","1"\n"3(1,C1)","Standard2","1"\n"4(1,D1)","Control1","1"\n"5(1,E1)","S01","2"\n\n'
    '"DataType:","Analysis Coefficients"\n"Analyte:","IL-6","IL-15"\n"A","10.2","8.8"\n"F","0.9","1.1"\n\n'
    '"DataType:","Warnings/Errors"\n"Location","Status","Message"\n"1,E1","Warning","Too few beads."\n\n'
    "-- CRC --\nCRC32: 40B50595\n"
)

INTELLIFLEX = XPONENT.replace('"FlexMAP 3D"', '"Intelliflex"').replace("4.3.229.0", "2.1.1015")

BIOPLEX = """<?xml version="1.0" encoding="UTF-8"?>
<bpm:BioPlexManager xmlns:bpm="http://www.Bio-Rad.com/XMLschema/2010/Bio-Plex_5" BioPlexManagerVersion="6.2.0.175">
  <Description>panel 1</Description>
  <Wells><Well RowNo="1" ColNo="1" WellNo="1"><PlateID>P5</PlateID><TotalEvents>717</TotalEvents><BeadRegions>
    <BeadRegion RegionNumber="12"><RegionCount>60</RegionCount><Median>3245.00</Median><CV>0.12</CV></BeadRegion>
    <BeadRegion RegionNumber="99"><RegionCount>3</RegionCount><Median>1.00</Median></BeadRegion>
  </BeadRegions></Well></Wells>
  <StandardCurves><Interpolators><Interpolator RegionNumber="12"><AnalyteName>IL-6</AnalyteName>
    <ConcentrationUnits>pg/mL</ConcentrationUnits></Interpolator></Interpolators></StandardCurves>
  <Samples>
    <Standards><Standard><Description></Description><Label>S1</Label><Dilution>1.0</Dilution>
      <Analytes><Analyte RegionNumber="12"><AnalyteName>IL-6</AnalyteName><RawMean>3245.0</RawMean><ExpectedConc>1000.0</ExpectedConc></Analyte></Analytes>
      <MemberWells><MemberWell RowNo="1" ColNo="1" WellNumber="1"><MWAnalytes><MWAnalyte RegionNumber="12"><AnalyteName>IL-6</AnalyteName>
        <Reading Valid="true" Code="0" OutlierType="None">3.245E+003</Reading>
        <MWObsConc ReadingOK="true">998.5</MWObsConc></MWAnalyte></MWAnalytes></MemberWell></MemberWells></Standard></Standards>
    <Unknowns><Unknown><Description>S01</Description><Label>X1</Label><Dilution>4.0</Dilution>
      <Analytes><Analyte RegionNumber="12"><AnalyteName>IL-6</AnalyteName><RawMean>55.0</RawMean></Analyte></Analytes>
      <MemberWells><MemberWell RowNo="2" ColNo="1" WellNumber="13"><MWAnalytes><MWAnalyte RegionNumber="12"><AnalyteName>IL-6</AnalyteName>
        <Reading Valid="true" Code="0" OutlierType="None">55.0</Reading>
        <MWObsConc ReadingOK="false" ReadErrorCode="9">0.0</MWObsConc></MWAnalyte></MWAnalytes></MemberWell></MemberWells></Unknown></Unknowns>
  </Samples>
</bpm:BioPlexManager>
"""

MSD = (
    "Plate_A,,,,,,,,,\n"
    "Sample,Assay,Well,Spot,Detection Range,Dilution,Concentration,Signal,Mean,Calc. Concentration\n"
    "S001,IL-6,A01,1,In Detection Range,,54.2,3513,3421,53.2\n"
    "U001,IL-6,A02,1,Below Detection Range,2,,120,121,NaN\n"
    "Plate_B,,,,,,,,,\n"
    "Sample,Assay,Well,Spot,Detection Range,Dilution,Concentration,Signal,Mean,Calc. Concentration\n"
    "U001,IL-6,A01,1,In Detection Range,2,,900,905,20.5\n"
)

METHODICAL_MIND = (
    "FileName :\tZ:\\Export\\P1.txt\nBarcode1 :\t<*22M0TALA85N*>\nSpots Per Well:\t2\nVersion  :\tMMPR 1.0.38\n\n"
    "==========Data==========\n"
    "  \t1         \t2         \t\n"
    "A \t     12895  \t     10144\n"
    "  \t       305  \t       204\n"
    "B \t       130  \t       168\n"
    "  \t        77  \t        73\n"
    "\n"
    "==========Statistics==========\n"
    "Average  :\t5203\n"
)

SIMPLE_PLEX = (
    "SampleName,InletComment,KitId,AnalyteName,GnrCount,Gnr1RFU,Gnr2RFU,Gnr3RFU,RFU,Signal,CalculatedConcentration,"
    "NonlimitedCalculatedConcentration,CurveCoefficientA,CurveCoefficientG\n"
    "S01,,K1,IL-6 (pg/mL),3,34.6,35.0,31.6,33.8,32.5,51.5,51.5,0.24,1.1\n"
    "S01,,K1,GZMB,3,5.6,5.0,5.6,5.4,4.1,NaN,0.3,0.5,1.2\n"
    "S02,,K1,IL-6 (pg/mL),3,94.6,95.0,91.6,93.8,92.5,151.5,151.5,0.24,1.1\n"
    "S02,,K1,GZMB,2,15.6, ,15.6,15.6,14.3,18.2,18.2,0.5,1.2\n"
)


CQ_TABLE = (
    "Well,Fluor,Sample,Cq,Quantity (copies/reaction),Target\n"
    "A01,FAM,STD_10,36.2,10,SVC\nA01,FAM,STD_10,NaN,10,SVC\nA02,FAM,NTC,NA,NA,SVC\nA03,FAM,S01,30.125,,SVC\n"
)


AMPLITUDES = "Ch1 Amplitude,Ch2 Amplitude,Cluster\n494.6,577.1,1\n7000.25,600.5,2\n6900,5100,3\n,5000.5,4\n"


def workbook(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook with the given sheets."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def archive(members: dict[str, str]) -> bytes:
    """A zip archive with the given members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in members.items():
            target.writestr(name, text)
    return stream.getvalue()


def quantstudio_workbook() -> bytes:
    """The same plate as QUANTSTUDIO, as the workbook of the same software."""
    head = [("Block Type", "96-Well Block (0.2mL)"), ("Experiment Name", "CAR_P01"), ()]
    setup = ("Well", "Well Position", "Sample Name", "Target Name", "Task", "Quantity", "Comments")
    result = ("Well", "Well Position", "Omit", "Sample Name", "Target Name", "Task", "CT", "Quantity")
    return workbook(
        {
            "Sample Setup": [
                *head,
                setup,
                (1, "A1", "", "CAR", "STANDARD", 1000.0, "lot 7"),
                (3, "A3", "S01", "CAR", "UNKNOWN", "", ""),
            ],
            "Results": [
                *head,
                result,
                (1, "A1", "false", "", "CAR", "STANDARD", 28.101, 1000.0),
                (3, "A3", "false", "S01", "CAR", "UNKNOWN", 24.7, 10250.5),
            ],
        }
    )


def design_and_analysis_workbook() -> bytes:
    """A Design & Analysis workbook: results in one sheet, nominal quantities in another."""
    head = [
        ("File Name", "C:\\runs\\run_7.eds"),
        ("Software Name and Version", "Design & Analysis Software v2.7.0"),
        (),
    ]
    result = ("Well", "Well Position", "Omit", "Sample", "Target", "Task", "Reporter", "Cq", "Amp Status")
    curve = ("Well", "Well Position", "Sample", "Quantity", "Target", "Task", "Cq", "Slope")
    return workbook(
        {
            "Results": [
                *head,
                result,
                (1, "A1", "FALSE", "10000", "KAZ", "STANDARD", "FAM", 24.5, "AMP"),
                (2, "A2", "FALSE", "NTC", "KAZ", "NTC", "FAM", "UNDETERMINED", "NO_AMP"),
            ],
            "Amplification Data": [*head, ("Well", "Well Position", "Cycle Number", "Rn"), (1, "A1", 1, 1.1)],
            "Standard Curve Result": [
                *head,
                curve,
                (1, "A1", "10000", 10000.0, "KAZ", "STANDARD", 24.5, -3.3042),
                (2, "A2", "NTC", "", "KAZ", "NTC", "UNDETERMINED", -3.3042),
            ],
        }
    )


def all_samples() -> dict[str, tuple[str, bytes]]:
    """Every sample by a name for messages: the code of the reader that must claim it, and its bytes."""
    texts = {
        "quantstudio": QUANTSTUDIO,
        "quantstudio_da": DESIGN_AND_ANALYSIS_CSV,
        "cfx_maestro": CFX,
        "cq_table": CQ_TABLE,
        "quantasoft": QUANTASOFT,
        "droplet_amplitudes": AMPLITUDES,
        "qx_manager_clusters": QX_CLUSTERS,
        "absolute_q": ABSOLUTE_Q,
        "qiacuity": QIACUITY,
        "xponent": XPONENT,
        "intelliflex": INTELLIFLEX,
        "bioplex": BIOPLEX,
        "msd_workbench": MSD,
        "methodical_mind": METHODICAL_MIND,
        "simple_plex": SIMPLE_PLEX,
    }
    found = {code: (code, text.encode()) for code, text in texts.items()}
    found["rdml"] = ("rdml", archive({"rdml_data.xml": RDML_XML}))
    found["rdml, unpacked"] = ("rdml", RDML_XML.encode())
    found["quantstudio, workbook"] = ("quantstudio", quantstudio_workbook())
    found["quantstudio_da, workbook"] = ("quantstudio_da", design_and_analysis_workbook())
    found["qx_manager, workbook"] = ("qx_manager", workbook({"Sheet": QX_ROWS}))
    text = "\n".join(",".join(str(cell) for cell in row) for row in QX_ROWS)
    found["qx_manager, text"] = ("qx_manager", text.encode())
    found["cfx_maestro, workbook"] = ("cfx_maestro", workbook({"0": [line.split(",") for line in CFX.splitlines()]}))
    return found
