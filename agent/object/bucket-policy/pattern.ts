/**
 * `*` for any run of characters, `?` for one. What stands between two stars is taken where it is found first, which
 * leaves most for the rest; so the text is gone through once, whatever a hostile pattern has.
 */
export const matchesPattern = (pattern: string, text: string): boolean => {
  const [first = '', ...middle] = pattern.split('*');
  const last = middle.pop();
  if (!fits(first, text, 0)) return false;
  if (last === undefined) return first.length === text.length;
  let at = first.length;
  for (const part of middle) {
    const found = find(part, text, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const end = text.length - last.length;
  return at <= end && fits(last, text, end);
};

const fits = (part: string, text: string, at: number): boolean => {
  if (at < 0 || at + part.length > text.length) return false;
  if (!part.includes('?')) return text.startsWith(part, at);
  for (let index = 0; index < part.length; index++)
    if (part[index] !== '?' && part[index] !== text[at + index]) return false;
  return true;
};

const find = (part: string, text: string, from: number): number => {
  if (!part.includes('?')) return text.indexOf(part, from);
  for (let at = from; at + part.length <= text.length; at++) if (fits(part, text, at)) return at;
  return -1;
};
