/** The roster as one life of a host sees it: it outlives the program, whose listeners must not. */
import type { Host } from './node.ts';

interface Told {
  onChange(listener: () => void): () => void;
}

export const liveRoster = <Roster extends Told>(host: Host, roster: Roster): Roster => ({
  ...roster,
  onChange: (listener) => roster.onChange(host.guard(listener)),
});
