/** `*` for any run of characters, `?` for one. Time is the product of the lengths, whatever a hostile pattern has. */
export const matchesPattern = (pattern: string, text: string): boolean => {
  let [at, next] = [0, 0];
  let star: { readonly pattern: number; text: number } | undefined;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      star = { pattern: next + 1, text: at };
      next += 1;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[at])) {
      at += 1;
      next += 1;
    } else if (star) {
      // The last star takes one more: what an earlier one could take it can, too.
      star.text += 1;
      at = star.text;
      next = star.pattern;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(next));
};
