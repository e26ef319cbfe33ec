"""What a query may be made of. Whatever is not named here is refused.

Functions are in if they compute a value from their arguments alone, cheaply. Out are those that read files, tables,
dictionaries, settings or the machine, that wait, that make much out of little (range, repeat, …), that take another
function by its name in a string, and all that nobody needs over a bill.
"""

from typing import Final

V1_VIEWS: Final = ("v1_spend_daily", "v1_spend_hourly", "v1_features", "v1_calls", "v1_prices", "v1_billed_daily")
"""Views whose columns are promised (docs/export.md)."""
RELATIONS: Final = (
    *("spend", "calls", "origins", "billed", "billed_now", "billed_usage", "tieout_daily", "imports"),
    *("price_book", "price_books", "verdicts_now"),
    *("forecasts_now", "decisions", "revenue", "price_changes", "calls_by_feature", "collector_health"),
    *V1_VIEWS,
)
"""Tables and views that may be read."""
PRICED_WITH: Final = "spend_of"
"""`spend_of(book='…')`: spend, priced with another book."""

PROJECT_TABLES: Final = {
    **dict.fromkeys(
        (
            *("calls", "spend_slices", "spend_cubes", "origins", "billed", "imports", "token_ratios", "attributions"),
            "verdicts",
            *("forecasts", "decisions", "revenue"),
        ),
        False,
    ),
    "price_override": True,
}
"""Tables of which a caller sees the rows of its own projects → whether rows for all projects, '', are seen too."""
COMMON_TABLES: Final = frozenset(
    {"price_books", "price_book", "book_names", "model_names", "amortised_rates", "attribution_versions"}
)
"""Tables without projects that the views read."""
OWNER_TABLES: Final = frozenset({"collector_health"})
"""Tables about all projects together: only who may read all of them sees their rows. All other tables are empty for
whoever asks here."""

NODES: Final = frozenset(
    {
        *("SelectWithUnionQuery", "ExpressionList", "SelectQuery", "WithElement", "Subquery"),
        *("TablesInSelectQuery", "TablesInSelectQueryElement", "TableExpression", "TableIdentifier", "TableJoin"),
        *("ArrayJoin", "Literal", "Identifier", "Function", "Asterisk", "QualifiedAsterisk"),
        *("ColumnsTransformerList", "ColumnsExceptTransformer", "OrderByElement"),
        *("WindowListElement", "WindowDefinition"),
    }
)
"""Kinds of node of the engine's syntax tree."""

DENIED_WORDS: Final = frozenset(
    {
        *("APPLY", "COLUMNS", "FORMAT", "GLOBAL", "INFILE", "INTERPOLATE", "INTO", "LATERAL", "MATERIALIZED"),
        *("OUTFILE", "PARALLEL", "PREWHERE", "RECURSIVE", "SAMPLE", "SETTINGS", "STALENESS", "TRUNCATE"),
    }
)
"""Words that may not stand in a query unquoted: the engine's tree hides what they do, or they are never needed."""

SYNTAX_BEFORE_BRACKET: Final = frozenset(
    {
        *(
            "ALL",
            "AND",
            "ANY",
            "AS",
            "ASC",
            "BETWEEN",
            "BY",
            "CASE",
            "CROSS",
            "DESC",
            "DISTINCT",
            "ELSE",
            "EXCEPT",
            "EXISTS",
        ),
        *("FILTER", "FROM", "HAVING", "IN", "INTERSECT", "JOIN", "LIKE", "ILIKE", "LIMIT", "NOT", "OFFSET", "ON", "OR"),
        *("OVER", "SELECT", "SETS", "THEN", "TO", "UNION", "USING", "WHEN", "WHERE", "WITH", "QUALIFY"),
    }
)
"""Words that stand before a bracket without being a function."""

_SCALAR: Final = """
    and or not xor equals notEquals less greater lessOrEquals greaterOrEquals isDistinctFrom isNotDistinctFrom
    plus minus multiply divide intDiv intDivOrZero intDivOrNull divideOrNull modulo moduloOrZero moduloOrNull
    positiveModulo mod negate abs sign
    round floor ceil ceiling trunc roundBankers sqrt cbrt exp exp2 exp10 log ln log2 log10 log1p pow power pi
    sin cos tan
    sigmoid least greatest clamp min2 max2 isFinite isInfinite isNaN ifNotFinite widthBucket
    if multiIf caseWithExpression coalesce ifNull nullIf isNull isNotNull assumeNotNull toNullable isZeroOrNull
    transform
    like notLike ilike notILike match startsWith endsWith position positionCaseInsensitive locate extract
    substring substr mid
    substringUTF8 substringIndex left right lower upper lcase ucase lowerUTF8 upperUTF8 length lengthUTF8
    char_length character_length empty notEmpty concat concatWithSeparator concat_ws
    trim ltrim rtrim trimBoth trimLeft trimRight replace replaceOne replaceAll replaceRegexpOne replaceRegexpAll
    splitByChar splitByString
    reverse reverseUTF8 initcap hex bin formatReadableSize formatReadableDecimalSize formatReadableQuantity
    formatReadableTimeDelta
    tuple tupleElement array arrayElement map mapKeys mapValues mapContains mapContainsKey
    has hasAny hasAll indexOf arrayConcat arraySlice arrayDistinct arrayReverse arrayStringConcat arrayJoin
    arrayEnumerate
    arrayCumSum arrayDifference arrayZip arrayUniq arrayCompact arrayFlatten arrayPushBack arrayPushFront
    arrayPopBack arrayPopFront
    in notIn nullIn notNullIn exists
    toString toBool toInt8 toInt16 toInt32 toInt64 toInt128 toInt256 toUInt8 toUInt16 toUInt32 toUInt64
    toUInt128 toUInt256 toFloat32 toFloat64
    toDecimal32 toDecimal64 toDecimal128 toDecimal256 toInt64OrNull toInt64OrZero toUInt64OrNull toUInt64OrZero
    toFloat64OrNull toFloat64OrZero
    toDecimal64OrNull toDecimal128OrNull toDecimalString toDate toDate32 toDateOrNull toDateTime toDateTime64
    toDateTimeOrNull
    parseDateTimeBestEffort parseDateTimeBestEffortOrNull toTypeName toLowCardinality materialize identity
    CAST _CAST sipHash64 cityHash64 xxHash64
    now now64 today yesterday toTimezone toTimeZone timezone timezoneOf timezoneOffset makeDate makeDateTime
    toYear toQuarter toMonth toWeek toISOWeek toISOYear toYearWeek toDayOfYear toDayOfMonth toDayOfWeek toHour
    toMinute toSecond toMillisecond
    year quarter month week day dayOfMonth dayOfWeek dayOfYear hour minute second
    toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth toStartOfWeek toMonday toStartOfDay
    toStartOfHour toStartOfMinute
    toStartOfSecond toStartOfMillisecond toStartOfFiveMinutes toStartOfFiveMinute toStartOfTenMinutes
    toStartOfFifteenMinutes toStartOfInterval time_bucket date_bin
    toLastDayOfMonth toLastDayOfWeek toDaysInMonth dateTrunc date_trunc dateDiff date_diff timestampDiff
    timestamp_diff age
    addYears addQuarters addMonths addWeeks addDays addHours addMinutes addSeconds addMilliseconds addInterval
    subtractYears subtractQuarters subtractMonths subtractWeeks subtractDays subtractHours subtractMinutes
    subtractSeconds subtractInterval
    addDate subDate toIntervalYear toIntervalQuarter toIntervalMonth toIntervalWeek toIntervalDay toIntervalHour
    toIntervalMinute
    toIntervalSecond toIntervalMillisecond formatDateTime dateName monthName toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss
    toUnixTimestamp toUnixTimestamp64Milli toUnixTimestamp64Micro toUnixTimestamp64Second fromUnixTimestamp
    fromUnixTimestamp64Milli fromUnixTimestamp64Micro fromUnixTimestamp64Second
    toRelativeDayNum toRelativeMonthNum toRelativeHourNum timeSlot
    version grouping
"""

TAKES_FUNCTION: Final = frozenset(
    """
    arrayMap arrayFilter arrayExists arrayAll arrayCount arraySum arrayAvg arrayMin arrayMax arrayFirst arrayLast
    arrayFirstIndex arrayLastIndex arraySort arrayReverseSort arrayCumSum arrayDifference arrayCompact mapFilter
    mapApply
    """.lower().split()
)
"""Functions whose first argument may be another function: then it has to be written out, `x -> …`."""

# The parser turns these into other functions before the tree shows them.
_SPELLINGS: Final = """
    dateAdd date_add timestampAdd timestamp_add dateSub date_sub timestampSub timestamp_sub current_timestamp
    current_date curdate
    countDistinct interval date timestamp tuple array
"""

_AGGREGATE: Final = """
    count sum avg min max any anyLast any_value first_value last_value argMin argMax min_by max_by avgWeighted
    sumWithOverflow sumKahan sumCount
    uniq uniqExact uniqCombined uniqCombined64 uniqHLL12 quantile quantiles median quantileExact quantilesExact
    medianExact
    quantileExactLow quantileExactHigh quantileExactInclusive quantileExactExclusive quantileExactWeighted
    quantilesExactWeighted quantileTDigest quantilesTDigest quantileTiming quantilesTiming
    quantileDeterministic quantileInterpolatedWeighted
    stddevPop stddevSamp stddev_pop stddev_samp varPop varSamp var_pop var_samp covarPop covarSamp corr skewPop
    skewSamp kurtPop kurtSamp entropy
    groupArray groupUniqArray groupConcat topK topKWeighted anyHeavy sumMap minMap maxMap
    groupBitAnd groupBitOr groupBitXor boundingRatio deltaSum deltaSumTimestamp singleValueOrNull
    simpleLinearRegression
    row_number rank dense_rank denseRank percent_rank percentRank cume_dist ntile nth_value lag lead lagInFrame
    leadInFrame
"""
COMBINATORS: Final = ("if", "ornull", "ordefault", "distinct", "array", "map")
"""What may be added to an aggregate function's name."""

SCALAR_FUNCTIONS: Final = frozenset(f"{_SCALAR}{_SPELLINGS}".lower().split()) | TAKES_FUNCTION
"""Functions of a row, in lower case."""
AGGREGATE_FUNCTIONS: Final = frozenset(_AGGREGATE.lower().split())
"""Functions of many rows and of windows, in lower case, without combinators."""

FORMATS: Final = {
    "Native": "application/octet-stream",
    "JSON": "application/json; charset=UTF-8",
    "JSONStrings": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONColumns": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRowWithNames": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRowWithNamesAndTypes": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedRaw": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Markdown": "text/markdown; charset=UTF-8",
    "Pretty": "text/plain; charset=UTF-8",
    "PrettyCompact": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
    "Null": "text/plain; charset=UTF-8",
}
"""Formats of the answer → content type."""
FORMAT_SPELLINGS: Final = {
    **{name.lower(): name for name in FORMATS},
    **{name.lower().replace("tabseparated", "tsv"): name for name in FORMATS if name.startswith("Tab")},
}
"""Any spelling of a format, in lower case → its name."""


def is_function(name: str) -> bool:
    """Whether a query may call it."""
    name = name.lower()
    return name in SCALAR_FUNCTIONS or is_aggregate(name)


def is_aggregate(name: str) -> bool:
    """Whether it is an aggregate or window function that a query may call, with or without combinators."""
    name = name.lower()
    if name in AGGREGATE_FUNCTIONS:
        return True
    return any(is_aggregate(name[: -len(end)]) for end in COMBINATORS if name.endswith(end) and name != end)
