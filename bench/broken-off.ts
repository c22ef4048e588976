/** A run that ended without saying anything of the daemon's speed: a process died or did not start. It may be tried again. */
export class BrokenOff extends Error {}
