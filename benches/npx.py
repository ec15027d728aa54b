#!/usr/bin/env python3
"""A large NPX long file for timing norna: assays × samples, sorted by assay as NPX Manager writes it, deterministic.

usage: npx.py ASSAYS SAMPLES > big.csv
"""
import random
import sys


def main():
    n_assays, n_samples = int(sys.argv[1]), int(sys.argv[2])
    generator = random.Random(1)
    values = [f"{generator.gauss(5, 3):.13f}"[:16] for _ in range(4096)]
    out = sys.stdout
    out.write(
        "SampleID,Index,OlinkID,UniProt,Assay,MissingFreq,Panel_Version,PlateID,QC_Warning,LOD,NPX,Subject,Treatment,"
        "Site,Time,Project,Panel\n"
    )
    for assay in range(n_assays):
        lod, panel = values[assay % 97], assay % 2
        for sample in range(n_samples):
            plate = sample // 88
            qc = "Warning" if sample % 101 == 0 else "Pass"
            value = values[(assay * 131 + sample * 7) % 4096]
            out.write(
                f"A{sample},{sample + 1},OID{assay:05},P{assay:05},G{assay},0.01875,v.1201,Data_{plate}_{panel}.csv,{qc},"
                f"{lod},{value},ID{sample // 3},Untreated,Site_{sample % 5},Week.{sample % 3},data1,Panel {panel}\n"
            )


main()
