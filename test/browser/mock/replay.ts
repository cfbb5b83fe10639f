// Recorded events, played by a clock: `events.ndjson` is the library story from the VM's first call to
// its first encrypted bytes. Each line: when, after the start, and what.
import { readFileSync } from 'node:fs';
import type { MeshEvent } from '#api/events.ts';
import type { Clock } from '#base/clock.ts';
import { emptyMesh, nodeOf, storyNodes } from './story.ts';
import type { Snapshot } from '#api/graph.ts';

type RecordedLine = { readonly afterMs: number; readonly event: MeshEvent };

const RECORDING = new URL('events.ndjson', import.meta.url);
/** The recording's own start: its times are moved from here to the player's now. */
const RECORDED_MS = Date.UTC(2026, 10, 23, 12);

export function readRecording(nowMs: number): readonly RecordedLine[] {
  return readFileSync(RECORDING, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line, (key, value) => moved(key, value, nowMs)));
}

const moved = (key: string, value: unknown, nowMs: number): unknown =>
  key.endsWith('Ms') && key !== 'afterMs' && typeof value === 'number' && value > RECORDED_MS / 2
    ? value - RECORDED_MS + nowMs
    : value;

/** The mesh before the recording: the cluster's workloads, and no VM. */
export function beforeRecording(nowMs: number): Snapshot {
  const { frontend, library } = storyNodes(nowMs);
  const empty = emptyMesh(nowMs);
  return { ...empty, nodes: [frontend, library, nodeOf(nowMs, { name: 'reports', kind: 'pod' })] };
}

/** Emits each event when its time has come; ends with the recording. */
export async function replay(
  clock: Clock,
  emit: (event: MeshEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const startMs = clock.nowMs();
  for (const { afterMs, event } of readRecording(startMs)) {
    const waitMs = startMs + afterMs - clock.nowMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    emit(event);
  }
}
