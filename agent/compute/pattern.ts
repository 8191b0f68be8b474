/**
 * Name patterns of listings: a small regular expression language (literals . [] () | * + ? ^ $ and \), matched in
 * time pattern × text whatever a caller writes. JavaScript's own engine (rejected) backtracks: one hostile pattern
 * would hold the agent for hours.
 *
 * Thompson's construction, run on sets of states.
 */
import { ShoalError } from '../../proto/error.ts';
import { patternCharsMax } from './limits.ts';

type Test = (char: string) => boolean;
type State =
  | { readonly kind: 'char'; readonly test: Test; next: number }
  | { readonly kind: 'split'; readonly next: number[] }
  | { readonly kind: 'start' | 'end'; next: number }
  | { readonly kind: 'match' };

/** A piece of the machine: where it begins, and the exits that still lead nowhere. */
interface Piece {
  readonly start: number;
  readonly exits: readonly ((target: number) => void)[];
}

const classes: Readonly<Record<string, Test>> = {
  d: (char) => /\d/.test(char),
  D: (char) => !/\d/.test(char),
  w: (char) => /\w/.test(char),
  W: (char) => !/\w/.test(char),
  s: (char) => /\s/.test(char),
  S: (char) => !/\s/.test(char),
};

/** Finds the pattern anywhere in a text. Throws BAD_REQUEST on a pattern that is none. */
export const compilePattern = (pattern: string): ((text: string) => boolean) => {
  const bad = (why: string): ShoalError =>
    new ShoalError('BAD_REQUEST', `Cannot read the pattern ${JSON.stringify(pattern.slice(0, 80))}: ${why}`);
  const chars = [...pattern];
  if (chars.length > patternCharsMax) throw bad(`it has more than ${patternCharsMax} characters`);
  const states: State[] = [];
  let at = 0;

  const add = (state: State): number => states.push(state) - 1;
  const single = (kind: 'start' | 'end' | 'char', test: Test = () => false): Piece => {
    const state: State & { next: number } = kind === 'char' ? { kind, test, next: -1 } : { kind, next: -1 };
    const start = add(state);
    return {
      start,
      exits: [
        (target) => {
          state.next = target;
        },
      ],
    };
  };
  const split = (...targets: number[]): { start: number; to: (target: number) => void } => {
    const next = [...targets];
    return { start: add({ kind: 'split', next }), to: (target) => void next.push(target) };
  };
  const connect = (piece: Piece, target: number): void => {
    for (const exit of piece.exits) exit(target);
  };

  const escaped = (): Test => {
    const char = chars[at++];
    if (char === undefined) throw bad('it ends in a backslash');
    return classes[char] ?? ((other) => other === char);
  };

  const parseSet = (): Test => {
    const isNegated = chars[at] === '^';
    if (isNegated) at += 1;
    const tests: Test[] = [];
    for (let isFirst = true; isFirst || chars[at] !== ']'; isFirst = false) {
      const from = chars[at++];
      if (from === undefined) throw bad('a "[" is not closed');
      if (from === '\\') tests.push(escaped());
      else if (chars[at] === '-' && chars[at + 1] !== ']' && chars[at + 1] !== undefined) {
        const to = chars[at + 1] ?? '';
        at += 2;
        tests.push((char) => char >= from && char <= to);
      } else tests.push((char) => char === from);
    }
    at += 1;
    return (char) => tests.some((test) => test(char)) !== isNegated;
  };

  const parseAtom = (): Piece => {
    const char = chars[at++];
    switch (char) {
      case '(': {
        const inside = parseChoice();
        if (chars[at++] !== ')') throw bad('a "(" is not closed');
        return inside;
      }
      case '[':
        return single('char', parseSet());
      case '.':
        return single('char', () => true);
      case '^':
        return single('start');
      case '$':
        return single('end');
      case '\\':
        return single('char', escaped());
      case '*':
      case '+':
      case '?':
        throw bad(`nothing stands before "${char}"`);
      default:
        return single('char', (other) => other === char);
    }
  };

  const parseRepeated = (): Piece => {
    let piece = parseAtom();
    for (;;) {
      const mark = chars[at];
      if (mark !== '*' && mark !== '+' && mark !== '?') return piece;
      at += 1;
      const { start, to } = split(piece.start);
      if (mark === '?') piece = { start, exits: [...piece.exits, to] };
      else {
        connect(piece, start);
        piece = { start: mark === '*' ? start : piece.start, exits: [to] };
      }
    }
  };

  const parseSequence = (): Piece => {
    const { start, to } = split();
    let piece: Piece = { start, exits: [to] };
    while (at < chars.length && chars[at] !== '|' && chars[at] !== ')') {
      const next = parseRepeated();
      connect(piece, next.start);
      piece = { start, exits: next.exits };
    }
    return piece;
  };

  const parseChoice = (): Piece => {
    let piece = parseSequence();
    while (chars[at] === '|') {
      at += 1;
      const other = parseSequence();
      piece = { start: split(piece.start, other.start).start, exits: [...piece.exits, ...other.exits] };
    }
    return piece;
  };

  const whole = parseChoice();
  if (at < chars.length) throw bad('a ")" is not opened');
  connect(whole, add({ kind: 'match' }));

  return (text) => {
    const input = [...text];
    let current = new Set<number>();
    const follow = (index: number, place: number, into: Set<number>): void => {
      const waiting = [index];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const state = states[next];
        if (!state || into.has(next)) continue;
        if (state.kind === 'start' && place !== 0) continue;
        if (state.kind === 'end' && place !== input.length) continue;
        into.add(next);
        if (state.kind === 'split') waiting.push(...state.next);
        else if (state.kind === 'start' || state.kind === 'end') waiting.push(state.next);
      }
    };
    for (let place = 0; ; place += 1) {
      follow(whole.start, place, current);
      for (const index of current) if (states[index]?.kind === 'match') return true;
      const char = input[place];
      if (char === undefined) return false;
      const next = new Set<number>();
      for (const index of current) {
        const state = states[index];
        if (state?.kind === 'char' && state.test(char)) follow(state.next, place + 1, next);
      }
      current = next;
    }
  };
};
