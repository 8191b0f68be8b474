/** Text bent at random, by characters: half of a surrogate pair, controls, separators and long runs among them. */
import type { Prng } from '../sim/prng.ts';

const sharp = [
  ...[
    '\0',
    '\r\n',
    '\ud800',
    '\udfff',
    '\u202e',
    '\uffff',
    '😀',
    'é',
    ' ',
    '\t',
    '%',
    '%00',
    '%zz',
    '%2F',
    '../',
  ],
  ...[
    '/',
    '//',
    '\\',
    ':',
    ';',
    ',',
    '=',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '$',
    '*',
    '.',
    '-',
    '+',
    '0',
    '1e999',
  ],
  ...[
    '-1',
    '9007199254740993',
    'NaN',
    'null',
    '__proto__',
    'constructor',
    'toString',
    '<',
    '&',
    '?',
    '#',
    '@',
  ],
];
const charsMax = 128 * 1024;

type Bend = (text: string, chance: Prng, other: string) => string;

const cut = (text: string, chance: Prng): readonly [string, string] => {
  const at = chance.int(text.length + 1);
  return [text.slice(0, at), text.slice(at)];
};

const bends: readonly Bend[] = [
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + chance.pick(sharp) + tail;
  },
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + chance.pick(sharp) + tail.slice(1);
  },
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + tail.slice(1 + chance.int(8));
  },
  (text, chance) => chance.pick(cut(text, chance)),
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + tail.slice(0, 1 + chance.int(16)).repeat(1 + chance.int(200)) + tail;
  },
  (text, chance, other) => {
    const [head, tail] = cut(text, chance);
    return head + chance.pick(cut(other, chance)).slice(0, 64) + tail;
  },
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + String.fromCharCode(chance.int(65_536)) + tail;
  },
  (text, chance) => {
    const [head, tail] = cut(text, chance);
    return head + chance.pick(sharp).repeat(1 << chance.int(13)) + tail;
  },
  (text) => text.toUpperCase(),
];

export const mutateText = (sample: string, others: readonly string[], chance: Prng): string => {
  let text = sample;
  for (let left = 1 + Math.floor(chance.exponential(1.5)); left > 0 && text.length < charsMax; left--)
    text = chance.pick(bends)(text, chance, chance.pick(others));
  return text;
};
