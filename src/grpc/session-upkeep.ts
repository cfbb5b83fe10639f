// What to do with one HTTP/2 session as time passes. Pure: the server looks at every session
// once a second and does what this says.

export type UpkeepLimits = {
  /** A session is pinged this often. Proxies behind NAT need less than its idle limit. */
  readonly pingIntervalMs: number;
  /** Without an answer for this long, the peer counts as gone. */
  readonly pingTimeoutMs: number;
  /** A session without an open call ends after this. */
  readonly idleMsMax: number;
  /** A session ends after this; its clients connect again, perhaps to another replica. */
  readonly ageMsMax: number;
};

export type SessionClock = {
  /** When the session ends whatever happens on it: its age limit, or its certificate's end. */
  readonly retireAtMs: number;
  /** When the last call ended, or the session began; undefined while a call is open. */
  readonly idleSinceMs: number | undefined;
  /** When the last ping was sent, or the session began. */
  readonly pingedAtMs: number;
  readonly isPingAnswered: boolean;
};

export type UpkeepAction = 'none' | 'ping' | 'retire' | 'destroy';

/** `retire`: end its calls and close in good order. `destroy`: the peer is gone, just drop it. */
export function planUpkeep(
  session: SessionClock,
  limits: UpkeepLimits,
  nowMs: number,
): UpkeepAction {
  const sincePingMs = nowMs - session.pingedAtMs;
  if (!session.isPingAnswered && sincePingMs >= limits.pingTimeoutMs) return 'destroy';
  if (nowMs >= session.retireAtMs) return 'retire';
  const { idleSinceMs } = session;
  if (idleSinceMs !== undefined && nowMs - idleSinceMs >= limits.idleMsMax) return 'retire';
  return session.isPingAnswered && sincePingMs >= limits.pingIntervalMs ? 'ping' : 'none';
}

/**
 * When a session is to end. Ages are spread over the last tenth of the limit, so that proxies that
 * connected together (after a restart) do not come back together for ever.
 *
 * @param jitter 0 (inclusive) to 1 (exclusive)
 * @param certificateEndMs end of the peer's certificate, if it showed one
 */
export function sessionEndMs(options: {
  readonly nowMs: number;
  readonly ageMsMax: number;
  readonly jitter: number;
  readonly certificateEndMs: number | undefined;
}): number {
  const { nowMs, ageMsMax, jitter, certificateEndMs = Number.POSITIVE_INFINITY } = options;
  return Math.min(nowMs + ageMsMax * (1 - 0.1 * jitter), certificateEndMs);
}
