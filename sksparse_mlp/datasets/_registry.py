"""Which microarray sets can be fetched, from where, and what a loaded set must look like."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._readers import read_mat, read_series_matrix

SCIKIT_FEATURE = "https://jundongl.github.io/scikit-feature/files/datasets"
GEO = "https://ftp.ncbi.nlm.nih.gov/geo/series"
# Upper limits with room to spare: a number as text has at most 25 characters, compressed fewer.
FILE_BYTES_PER_VALUE = 16
UNPACKED_BYTES_PER_VALUE = 32
# For what a file says of each sample besides.
BYTES_PER_SAMPLE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class MicroarraySource:
    """One remote file and everything that is known of its content.

    ``class_counts`` lists the sizes of the classes in any order. Without a ``sha256`` the hash of
    the first download that has the right content is trusted from then on.
    """

    name: str
    url: str
    reader: Callable
    n_samples: int
    n_features: int
    n_classes: int
    about: str
    class_counts: tuple[int, ...] | None = None
    label: str | None = None
    missing_values: bool = False
    sha256: str | None = None

    @property
    def filename(self):
        return self.url.rpartition("/")[2]

    @property
    def max_file_bytes(self):
        return self.n_samples * (FILE_BYTES_PER_VALUE * self.n_features + BYTES_PER_SAMPLE)

    @property
    def max_unpacked_bytes(self):
        return self.n_samples * (UNPACKED_BYTES_PER_VALUE * self.n_features + BYTES_PER_SAMPLE)

    def verify(self, table):
        """Raise ValueError unless ``table`` has the shape, classes and values of this set."""
        self._verify_shapes(table)
        self._verify_classes(table)
        is_wrong = np.isinf if self.missing_values else _is_not_finite
        # A row at a time: a mask of the whole matrix would be another large array.
        if any(is_wrong(row).any() for row in table.data):
            raise ValueError("values that are not finite")

    def _verify_shapes(self, table):
        expected = {
            "data": (np.float32, (self.n_samples, self.n_features)),
            "target": (np.int64, (self.n_samples,)),
            "feature_names": (np.str_, (self.n_features,)),
        }
        for name, (dtype, shape) in expected.items():
            found = getattr(table, name)
            if found.dtype.type is not dtype or found.shape != shape:
                raise ValueError(
                    f"{name} of shape {found.shape} and type {found.dtype} instead of {shape} and "
                    f"{dtype.__name__}"
                )

    def _verify_classes(self, table):
        names, target = table.target_names, table.target
        if names.dtype.type is not np.str_ or names.shape != (self.n_classes,):
            raise ValueError(f"{names.size} classes instead of {self.n_classes}")
        if target.min() < 0 or target.max() >= self.n_classes:
            raise ValueError(f"a class is not in [0, {self.n_classes - 1}]")
        counts = sorted(np.bincount(target, minlength=self.n_classes).tolist())
        if counts[0] == 0:
            raise ValueError("a class without samples")
        if self.class_counts is not None and counts != sorted(self.class_counts):
            raise ValueError(f"classes of {counts} samples instead of {sorted(self.class_counts)}")


def _is_not_finite(values):
    return ~np.isfinite(values)


def _scikit_feature(name, n_samples, n_features, *, class_counts=None, n_classes=None, about):
    return MicroarraySource(
        name=name,
        url=f"{SCIKIT_FEATURE}/{name}.mat",
        reader=read_mat,
        n_samples=n_samples,
        n_features=n_features,
        n_classes=n_classes or len(class_counts),
        class_counts=class_counts,
        about=f"{about} Collected by the scikit-feature repository of Arizona State University.",
    )


SOURCES = {
    source.name: source
    for source in (
        _scikit_feature(
            "ALLAML",
            72,
            7129,
            class_counts=(47, 25),
            about="Acute lymphoblastic and acute myeloid leukemia (Golub et al., Science 286, "
            "1999).",
        ),
        _scikit_feature(
            "CLL_SUB_111",
            111,
            11340,
            class_counts=(11, 49, 51),
            about="Subgroups of chronic lymphocytic leukemia (GEO GSE2466; Haslinger et al., "
            "J. Clin. Oncol. 22, 2004).",
        ),
        _scikit_feature(
            "GLI_85",
            85,
            22283,
            class_counts=(26, 59),
            about="Gliomas of grade III and IV (GEO GSE4412; Freije et al., Cancer Res. 64, 2004).",
        ),
        _scikit_feature(
            "GLIOMA",
            50,
            4434,
            class_counts=(14, 7, 14, 15),
            about="Classic and non-classic glioblastomas and oligodendrogliomas (Nutt et al., "
            "Cancer Res. 63, 2003).",
        ),
        _scikit_feature(
            "Prostate_GE",
            102,
            5966,
            class_counts=(50, 52),
            about="Prostate tumours and normal tissue (Singh et al., Cancer Cell 1, 2002).",
        ),
        _scikit_feature(
            "SMK_CAN_187",
            187,
            19993,
            class_counts=(90, 97),
            about="Airway epithelium of smokers with and without lung cancer (GEO GSE4115; Spira "
            "et al., Nat. Med. 13, 2007).",
        ),
        _scikit_feature(
            "TOX_171",
            171,
            5748,
            class_counts=(45, 45, 39, 42),
            about="Four groups of a toxicology study.",
        ),
        _scikit_feature(
            "colon",
            62,
            2000,
            class_counts=(22, 40),
            about="Colon tumours and normal tissue, discretised (Alon et al., PNAS 96, 1999).",
        ),
        _scikit_feature(
            "lung",
            203,
            3312,
            class_counts=(139, 17, 21, 20, 6),
            about="Lung carcinomas and normal lung (Bhattacharjee et al., PNAS 98, 2001).",
        ),
        _scikit_feature(
            "lymphoma",
            96,
            4026,
            n_classes=9,
            about="Lymphoid malignancies and normal cells, discretised (Alizadeh et al., Nature "
            "403, 2000).",
        ),
        _scikit_feature(
            "nci9",
            60,
            9712,
            n_classes=9,
            about="Cancer cell lines of nine tissues, discretised (Ross et al., Nat. Genet. 24, "
            "2000).",
        ),
        MicroarraySource(
            name="GSE13159",
            url=f"{GEO}/GSE13nnn/GSE13159/matrix/GSE13159_series_matrix.txt.gz",
            reader=read_series_matrix,
            n_samples=2096,
            n_features=54675,
            n_classes=18,
            label="leukemia class",
            missing_values=True,
            about="Stage I of the MILE study: leukemias, myelodysplastic syndromes and healthy "
            "bone marrow on Affymetrix HG-U133 Plus 2.0 (Haferlach et al., J. Clin. Oncol. 28, "
            "2010), from the Gene Expression Omnibus of NCBI.",
        ),
    )
}
