/** What an operator, a test or the simulator may set; each falls back to a bound of this room. */
export interface ChunkSettings {
  /** Left free in each data directory. Default `reserveBytesDefault`. */
  readonly reserveBytes?: number;
  /** How long a chunk stands without a reference. Default `collectGraceMsDefault`. */
  readonly collectGraceMs?: number;
  /** How old a life is when it asks what became of uploads of the last one. Default `claimAgeMs`. */
  readonly claimAgeMs?: number;
  /** Pause between two walks over all references. Default `orphansEveryMs`. */
  readonly orphansEveryMs?: number;
  /** References that are looked at. Default `orphansPerSecondDefault`. */
  readonly orphansPerSecond?: number;
  /** Pause between two walks of the collector. Default `collectEveryMs`. */
  readonly collectEveryMs?: number;
  /** Chunks that the collector asks about. Default `collectPerSecondDefault`. */
  readonly collectPerSecond?: number;
  /** Pause between two comparisons with the other owners. Default `compareEveryMs`. */
  readonly compareEveryMs?: number;
  /** Default `repairBytesPerSecondDefault`. */
  readonly repairBytesPerSecond?: number;
  /** Default `rekeepBytesPerSecondDefault`. */
  readonly rekeepBytesPerSecond?: number;
  /** Default `scrubBytesPerSecondDefault`. */
  readonly scrubBytesPerSecond?: number;
}
