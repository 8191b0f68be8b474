/** Content that was joined from parts, part by part again. */
import type { Content } from '../chunk/port.ts';
import type { ObjectPart } from './records.ts';

type Chunks = Extract<Content, { kind: 'chunks' }>;

export const joinContents = (contents: readonly Content[]): Chunks => ({
  kind: 'chunks',
  // Parts are never stored inline: `multipart.ts` says so to the store.
  chunks: contents.flatMap((content) => (content.kind === 'chunks' ? content.chunks : [])),
});

export function* partContents(
  chunks: Chunks['chunks'],
  parts: readonly ObjectPart[],
): Generator<{ readonly upload: ObjectPart['upload']; readonly content: Chunks }, void, undefined> {
  let at = 0;
  for (const part of parts) {
    yield { upload: part.upload, content: { kind: 'chunks', chunks: chunks.slice(at, at + part.chunks) } };
    at += part.chunks;
  }
}
