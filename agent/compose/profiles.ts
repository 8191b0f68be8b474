/** Timings that belong together. A rehearsal on one machine may be quicker than hosts on a network. */
import { lanSettings, loopbackSettings } from '../membership/settings.ts';
import { defaultSettings, rehearsalSettings } from '../ring/settings.ts';

export const profiles = {
  lan: {
    swim: lanSettings,
    ring: defaultSettings,
    identity: {},
    accessLog: {},
    mdns: true,
  },
  rehearsal: {
    swim: loopbackSettings,
    ring: rehearsalSettings,
    // Strict, so that a rehearsal shows what strict clouds do to their users: 5 s locked after two wrong passwords.
    identity: { lockoutFailures: 2, lockoutSeconds: 5, passwordHistory: 2 },
    // Whoever tries it out does not wait for minutes.
    accessLog: { periodMs: 4_000 },
    // Every host of a rehearsal is told the addresses of the others; multicast would find other people's.
    mdns: false,
  },
} as const;
