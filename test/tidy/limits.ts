/** docs/LIMITS.md from the rooms' own limits files: `node test/tidy/limits.ts` writes it, a test compares it. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Limit {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

export const limitsFile = 'docs/LIMITS.md';

const oneLine = (text: string): string =>
  text
    .replace(/^\s*\/?\*+\/?/gm, ' ')
    .replace(/\*\//g, ' ')
    .replace(/^\s*\/\//gm, ' ')
    .replace(/\s+/g, ' ')
    .replace(/\|/g, '\\|')
    .trim();

/** Every exported constant with the comment above it. One comment may stand above several. */
export const readLimits = (source: string): Limit[] => {
  const limits: Limit[] = [];
  const pattern = /(?:(\/\*\*(?:[^*]|\*(?!\/))*\*\/)\s*)?export const (\w+)(?::[^=]+)? = ([^;]+);/g;
  for (const [, comment, name, value] of source.matchAll(pattern)) {
    if (name === undefined || value === undefined) continue;
    limits.push({ name, value: oneLine(value), reason: comment ? oneLine(comment) : '' });
  }
  return limits;
};

export const limitsPage = (): string => {
  const rooms = globSync('agent/**/limits.ts').toSorted();
  const parts = rooms.map((file) => {
    const rows = readLimits(readFileSync(file, 'utf8')).map(
      (limit) => `| \`${limit.name}\` | \`${limit.value}\` | ${limit.reason} |`,
    );
    return `## ${file.replace('/limits.ts', '')}\n\n| bound | value | why |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Limits\n\nEvery queue, loop, retry and body has a bound with a name and a reason. Written from the rooms' \`limits.ts\`\nby \`node test/tidy/limits.ts\`; a test compares.\n\n${parts.join('\n')}`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(limitsFile, limitsPage());
