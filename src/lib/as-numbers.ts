/** Stands in for an AS number that doesn't fit two octets (RFC 6793 §9); nobody's own. */
export const AS_TRANS = 23456;
