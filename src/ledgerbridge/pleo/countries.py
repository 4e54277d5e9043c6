"""The country words of the Vendors API, which are more than ISO 3166-1 (VEN-034)."""

from __future__ import annotations

COUNTRIES = frozenset(
    """
    UNDEFINED AC AD AE AF AG AI AL AM AN AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BU BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CR CS CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE
    EG EH ER ES ET EU EZ FI FJ FK FM FO FR FX GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR
    HT HU IC ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU
    LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NT NU
    NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SF SG SH SI SJ SK SL SM SN SO
    SR SS ST SU SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TP TR TT TV TW TZ UA UG UK UM US UY UZ VA VC VE VG
    VI VN VU WF WS XI XU XK YE YT YU ZA ZM ZR ZW
    """.split()  # noqa: SIM905 - to be compared with the contract at a glance
)
"""Every value the contract knows."""

_SAME = {"EL": "GR", "UK": "GB"}
_UNKNOWN = "UNDEFINED"


def country_code(value: str | None) -> str | None:
    """The country as we compare and send it, in upper case: `EL` is `GR`, `UK` is `GB`; None for an unknown one."""
    word = (value or "").strip().upper()
    word = _SAME.get(word, word)
    return word if word in COUNTRIES and word != _UNKNOWN else None


def same_country(one: str | None, other: str | None) -> bool:
    """Whether two values name one country; missing, empty and unknown are all "no country"."""
    return country_code(one) == country_code(other)
