// @generated from proto/millrace/event/v1/event.proto
/** The text of `millrace.event.v1`, without its comments. */
export declare const EVENT_PROTO: string;
