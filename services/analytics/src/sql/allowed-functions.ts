/**
 * The functions that a statement may call, in lower case; `docs/sql.md` has the same lists. What is not here is refused: a new release of
 * ClickHouse may bring a function that reads files, asks other servers or tells of this one, as `file` and `hostName` do. Left out too is
 * what takes long for its input (`editDistance`) or makes large values of small ones (`arrayResize`), and what reads aggregate states.
 */
export const FUNCTION_GROUPS = {
  'Aggregates, with the combinators If, Array, Distinct, OrNull, OrDefault, Map and ForEach':
    'any anyHeavy anyLast argMax argMin avg avgWeighted avg_weighted corr count covarPop covarSamp deltaSum entropy exponentialMovingAverage first_value groupArray groupArrayLast groupArraySample groupBitAnd groupBitOr groupBitXor groupConcat groupUniqArray histogram kurtPop kurtSamp last_value max median medianExact min quantile quantileExact quantileExactHigh quantileExactLow quantileExactWeighted quantileInterpolatedWeighted quantiles quantilesExact quantileTDigest quantilesTDigest quantileTiming quantilesTiming rankCorr retention sequenceCount sequenceMatch simpleLinearRegression skewPop skewSamp stddevPop stddevSamp stddev_pop stddev_samp string_agg studentTTest sum sumCount sumKahan sumMap sumWithOverflow topK topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo varPop varSamp var_pop var_samp welchTTest windowFunnel mannWhitneyUTest',
  'Window functions':
    'cume_dist dense_rank denseRank lag lagInFrame lead leadInFrame nth_value ntile percent_rank percentRank rank row_number',
  'Operators and conditions':
    'and assumeNotNull between caseWithExpression caseWithoutExpression clamp coalesce equals exists firstNonDefault greater greaterOrEquals greatest if ifNotFinite ifNull in isDistinctFrom isNotDistinctFrom isNotNull isNull isNullable least less lessOrEquals multiIf not notEquals notIn nullIf or toNullable transform xor',
  Arithmetic:
    'abs acos asin atan atan2 bitAnd bitCount bitNot bitOr bitShiftLeft bitShiftRight bitTest bitXor cbrt ceil ceiling cos degrees divide e exp exp10 exp2 floor gcd hypot intDiv intDivOrZero isFinite isInfinite isNaN lcm ln log log10 log1p log2 max2 min2 minus mod modulo moduloOrZero multiply negate pi plus positiveModulo pow power radians round roundBankers roundDown roundToExp2 sigmoid sign sin sqrt tan tanh trunc truncate widthBucket',
  Conversions:
    'cast _CAST accurateCastOrNull toBool toDate toDate32 toDate32OrNull toDateOrNull toDateTime toDateTime64 toDateTime64OrNull toDateTimeOrNull toDecimal128 toDecimal32 toDecimal64 toDecimal64OrNull toDecimal64OrZero toFloat32 toFloat64 toFloat64OrDefault toFloat64OrNull toFloat64OrZero toInt128 toInt128OrNull toInt16 toInt32 toInt32OrNull toInt32OrZero toInt64 toInt64OrNull toInt64OrZero toInt8 toInterval toIntervalDay toIntervalHour toIntervalMinute toIntervalMonth toIntervalQuarter toIntervalSecond toIntervalMillisecond toIntervalWeek toIntervalYear toLowCardinality toString toTypeName toUInt128 toUInt128OrNull toUInt16 toUInt256 toUInt32 toUInt32OrNull toUInt32OrZero toUInt64 toUInt64OrNull toUInt64OrZero toUInt8 toUInt8OrNull toUInt8OrZero toUUID toUUIDOrNull parseDateTime parseDateTime64BestEffort parseDateTime64BestEffortOrNull parseDateTimeBestEffort parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero parseDateTimeOrNull',
  Times:
    'addDays addHours addMilliseconds addMinutes addMonths addQuarters addSeconds addWeeks addYears age curdate current_date current_timestamp dateAdd date_add dateDiff date_diff dateName dateSub date_sub dateTrunc date_trunc date_format datediff day dayOfMonth dayOfWeek dayOfYear formatDateTime formatDateTimeInJodaSyntax fromUnixTimestamp fromUnixTimestamp64Micro fromUnixTimestamp64Milli fromUnixTimestamp64Nano from_unixtime hour last_day makeDate makeDateTime minute month monthName now now64 quarter second subtractDays subtractHours subtractMinutes subtractMonths subtractQuarters subtractSeconds subtractWeeks subtractYears timeSlot timeSlots timestamp_diff toDayOfMonth toDayOfWeek toDayOfYear toDaysInMonth toHour toISOWeek toISOYear toLastDayOfMonth toLastDayOfWeek toMillisecond toMinute toMonday toMonth toQuarter toRelativeDayNum toRelativeHourNum toRelativeMonthNum toRelativeWeekNum toSecond toStartOfDay toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfHour toStartOfInterval toStartOfISOYear toStartOfMinute toStartOfMonth toStartOfQuarter toStartOfSecond toStartOfTenMinutes toStartOfWeek toStartOfYear toTime toTimeZone toUnixTimestamp toUnixTimestamp64Micro toUnixTimestamp64Milli toUnixTimestamp64Nano toWeek toYear toYearWeek toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss today week year yesterday UTCTimestamp UTC_timestamp',
  Text: 'ascii base64Decode base64Encode basename bin char char_length character_length concat concatWithSeparator concat_ws countMatches countSubstrings decodeURLComponent domain domainWithoutWWW empty encodeURLComponent endsWith extract extractAll extractAllGroups extractAllGroupsHorizontal extractAllGroupsVertical extractGroups extractURLParameter extractURLParameterNames extractURLParameters firstSignificantSubdomain format formatReadableDecimalSize formatReadableQuantity formatReadableSize formatReadableTimeDelta fragment hasSubsequence hasToken hasTokenCaseInsensitive hex ilike initcap instr isValidUTF8 lcase left leftUTF8 length lengthUTF8 like locate lower lowerUTF8 match mid multiSearchAny multiSearchAnyCaseInsensitive normalizeUTF8NFC notEmpty notILike notLike octet_length path pathFull position positionCaseInsensitive positionUTF8 protocol queryString replace replaceAll replaceOne replaceRegexpAll replaceRegexpOne reverse reverseUTF8 right rightUTF8 splitByChar splitByNonAlpha splitByRegexp splitByString splitByWhitespace startsWith substr substring substringIndex substringUTF8 toValidUTF8 topLevelDomain translate trim trimBoth trimLeft trimRight ltrim rtrim ucase unhex upper upperUTF8 URLHierarchy URLPathHierarchy cutQueryString cutURLParameter cutWWW',
  JSON: 'isValidJSON JSONAllPaths JSONArrayLength JSONExtract JSONExtractArrayRaw JSONExtractBool JSONExtractFloat JSONExtractInt JSONExtractKeys JSONExtractKeysAndValues JSONExtractKeysAndValuesRaw JSONExtractRaw JSONExtractString JSONExtractUInt JSONHas JSONKey JSONLength JSONType JSON_EXISTS JSON_QUERY JSON_VALUE simpleJSONExtractBool simpleJSONExtractFloat simpleJSONExtractInt simpleJSONExtractRaw simpleJSONExtractString simpleJSONExtractUInt simpleJSONHas toJSONString',
  'Arrays, tuples and maps':
    'array arrayAll arrayAvg arrayCompact arrayConcat arrayCount arrayCumSum arrayDifference arrayDistinct arrayElement arrayElementOrNull arrayEnumerate arrayEnumerateDense arrayEnumerateUniq arrayExcept arrayExists arrayFill arrayFilter arrayFirst arrayFirstIndex arrayFirstOrNull arrayFlatten arrayIntersect arrayJoin arrayLast arrayLastIndex arrayMap arrayMax arrayMin arrayPopBack arrayPopFront arrayProduct arrayPushBack arrayPushFront arrayReverse arrayReverseSort arraySlice arraySort arraySplit arrayStringConcat arraySum arrayUniq arrayZip countEqual has hasAll hasAny hasSubstr indexOf lambda map mapAdd mapApply mapConcat mapContains mapContainsKey mapFilter mapFromArrays mapKeys mapSubtract mapValues range tuple tupleElement untuple',
  Hashes:
    'cityHash64 CRC32 farmHash64 halfMD5 intHash32 intHash64 MD5 murmurHash3_64 SHA1 SHA256 sipHash64 xxHash64 xxh3',
  Other:
    'bar generateUUIDv4 generateUUIDv7 grouping identity isIPv4String isIPv6String IPv4NumToString IPv4StringToNum isIPAddressInRange materialize rand rand64 randCanonical repeat toIPv4OrNull toIPv6OrNull geoDistance greatCircleDistance geohashEncode',
} as const;

const COMBINATORS = ['if', 'array', 'distinct', 'ornull', 'ordefault', 'map', 'foreach'];

const groups = Object.entries(FUNCTION_GROUPS).map(([title, names]) => ({
  isOfAggregates: title.startsWith('Aggregates'),
  names: names.toLowerCase().split(' '),
}));
const functions = new Set(groups.flatMap(({ names }) => names));
const aggregates = new Set(groups.flatMap(({ names, isOfAggregates }) => (isOfAggregates ? names : [])));

/** Whether a statement may call a function. */
export function isAllowedFunction(name: string): boolean {
  const lower = name.toLowerCase();
  return functions.has(lower) || isCombined(lower);
}

/** Whether it is an aggregate with combinators behind its name, as `uniqExactIf` and `sumOrNullIf` are. */
function isCombined(name: string): boolean {
  return COMBINATORS.some((combinator) => {
    if (!name.endsWith(combinator)) return false;
    const base = name.slice(0, -combinator.length);
    return aggregates.has(base) || isCombined(base);
  });
}
