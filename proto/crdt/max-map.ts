/** A map that merges by the larger number per key: progress that is gossiped and never goes back. */
export type MaxMap = Readonly<Record<string, number>>;

export const mergeMax = (a: MaxMap, b: MaxMap): MaxMap => {
  const merged: Record<string, number> = { ...a };
  for (const [key, value] of Object.entries(b)) merged[key] = Math.max(merged[key] ?? -Infinity, value);
  return merged;
};
