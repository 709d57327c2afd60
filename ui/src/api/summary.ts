/** Places in the summary of a metric that a run carries. */
export const LAST = 2
export const MIN = 3
export const MAX = 5
export const COUNT = 7
export const NAN_COUNT = 8
