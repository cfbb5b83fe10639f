// isthmus.v1.FlowService: what an agent reports of its workload's traffic, and its metrics' totals.
// Numbers are of one stream: what an edge, a connection or a series is, is said once on each
// stream, before it is first referred to. What counts is told as what each batch adds, and a batch
// is counted once however often it comes; `docs/flows.md` has the rules.
import { create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { message } from './proto-message.ts';

const MESSAGES = [
  // `epoch` names a run of the agent; `sequence` counts its batches from 1. Times are
  // milliseconds by the agent's clock, of which only differences are used: `sent_ms` is when
  // this was sent, `at_ms` the end of what it tells of, `span_ms` how long that was.
  message('FlowBatch', [
    ['epoch', 1, 'string'],
    ['sequence', 2, 'uint32'],
    ['sent_ms', 3, 'double'],
    ['at_ms', 4, 'double'],
    ['span_ms', 5, 'uint32'],
    // All connections that are open are among `connections`; others are no longer.
    ['is_complete', 6, 'bool'],
    ['edges', 7, '.isthmus.v1.FlowEdge', 'repeated'],
    ['connections', 8, '.isthmus.v1.FlowConnection', 'repeated'],
    // Three columns: a connection, and the bytes it carried since the last batch.
    ['moved', 9, 'uint32', 'repeated'],
    ['to_server', 10, 'double', 'repeated'],
    ['to_client', 11, 'double', 'repeated'],
    ['closed', 12, '.isthmus.v1.FlowClosed', 'repeated'],
    ['sums', 13, '.isthmus.v1.FlowSums', 'repeated'],
    ['metrics', 14, '.isthmus.v1.FlowMetric', 'repeated'],
    // Connections that were opened in the time that this batch tells of.
    ['opened', 15, 'uint32', 'repeated'],
  ]),
  // From whom to whom. Peers as in src/base/peer-name.ts, empty where nothing names them; `port` is
  // the server workload's own, or the one dialled when no server was reached.
  message('FlowEdge', [
    ['number', 1, 'uint32'],
    ['is_destination', 2, 'bool'],
    ['client_peer', 3, 'string'],
    ['client_principal', 4, 'string'],
    ['server_peer', 5, 'string'],
    ['server_principal', 6, 'string'],
    // The address that was dialled, where no server answered.
    ['dialled', 7, 'string'],
    ['port', 8, 'uint32'],
    ['protocol', 9, 'string'],
    ['service_host', 10, 'string'],
    // `mutual`, `tls` (by one side only), `none`; empty: no session was reached.
    ['security', 11, 'string'],
    ['tls_version', 12, 'string'],
    ['tls_cipher', 13, 'string'],
  ]),
  // `key` is Envoy's own name of it; `base_…` are the bytes told before this batch, or, of one
  // that is older than the agent, that it had carried when the agent met it.
  message('FlowConnection', [
    ['number', 1, 'uint32'],
    ['edge', 2, 'uint32'],
    ['key', 3, 'string'],
    ['opened_ms', 4, 'double'],
    ['client', 5, 'string'],
    ['server', 6, 'string'],
    ['base_to_server', 7, 'double'],
    ['base_to_client', 8, 'double'],
    // How long it took to reach the server; 0: not known.
    ['connect_ms', 9, 'double'],
  ]),
  message('FlowClosed', [
    ['connection', 1, 'uint32'],
    ['at_ms', 2, 'double'],
    // Envoy's response flags; empty: none.
    ['flags', 3, 'string'],
    // `namespace/name` of the policy that refused it, `-` when no rule allowed it.
    ['denied_by', 4, 'string'],
    ['has_failed', 5, 'bool'],
  ]),
  // What an edge's requests add, or connections that are no longer told one by one.
  message('FlowSums', [
    ['edge', 1, 'uint32'],
    ['opened', 2, 'double'],
    ['failed', 3, 'double'],
    ['requests', 4, 'double'],
    ['request_ms', 5, 'double'],
    ['to_server', 6, 'double'],
    ['to_client', 7, 'double'],
    // Of the last that failed.
    ['flags', 8, 'string'],
    ['denied_by', 9, 'string'],
    ['denied', 10, 'double'],
    // How long the requests took, as counts in the buckets of src/base/durations.ts: a bucket's
    // number and its count by turns. None of requests: not known, an older agent does not tell,
    // nor how many were answered 4xx.
    ['durations', 11, 'uint32', 'repeated'],
    ['client_errors', 12, 'double'],
  ]),
  // The present total of one series. `name`, `help`, `type` and `labels` (name and value by
  // turns) come once on a stream.
  message('FlowMetric', [
    ['number', 1, 'uint32'],
    ['name', 2, 'string'],
    ['help', 3, 'string'],
    ['type', 4, 'string'],
    ['labels', 5, 'string', 'repeated'],
    ['value', 6, 'double'],
    // Of a histogram: `value` is the sum; not cumulative, without the last.
    ['count', 7, 'double'],
    ['buckets', 8, 'double', 'repeated'],
  ]),
  message('FlowAck', [
    ['sequence', 1, 'uint32'],
    // Statements of this stream that were refused so far.
    ['refused', 2, 'uint32'],
  ]),
];

/** Streams both ways: each batch is answered by one acknowledgement, once it is stored. */
export const flowsProto = (): FileDescriptorProto =>
  create(FileDescriptorProtoSchema, {
    name: 'isthmus/v1/flows.proto',
    package: 'isthmus.v1',
    syntax: 'proto3',
    messageType: MESSAGES,
    service: [
      {
        name: 'FlowService',
        method: [
          {
            name: 'Report',
            inputType: '.isthmus.v1.FlowBatch',
            outputType: '.isthmus.v1.FlowAck',
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  });
