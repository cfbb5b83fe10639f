// isthmus.v1.AgentService/Attend, by which isthmusd asks agents, and JoinService, by which a
// machine becomes one.
import { create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { message } from './proto-message.ts';

const TOLD = [
  // The first message says who attends; a status follows whenever something has changed.
  message('AgentMessage', [
    ['hello', 1, '.isthmus.v1.AgentHello'],
    ['status', 2, '.isthmus.v1.AgentStatus'],
    ['answer', 3, '.isthmus.v1.AgentAnswer'],
  ]),
  message('AgentHello', [
    ['version', 1, 'string'],
    ['os', 2, 'string'],
    ['addresses', 3, 'string', 'repeated'],
    ['log_sources', 4, 'string', 'repeated'], // which logs it can tail
  ]),
  message('AgentStatus', [
    ['now_ms', 1, 'int64'],
    ['capture', 2, 'string'],
    ['capture_reason', 3, 'string'],
    ['unready', 4, 'string', 'repeated'],
    ['envoy', 5, 'string'],
    ['envoy_version', 6, 'string'],
    ['envoy_pid', 7, 'uint32'],
    ['envoy_restarts', 8, 'uint32'],
    ['identity', 9, 'string'],
    ['serial', 10, 'string'],
    ['not_after_ms', 11, 'int64'],
  ]),
];

const ASKED = [
  // One request; the agent answers under its id until it says that the answer is the last.
  message('AgentOrder', [
    ['id', 1, 'uint32'],
    ['cancel', 2, 'bool'],
    ['config_dump', 3, '.isthmus.v1.ConfigDumpRequest'],
    ['stats', 4, '.isthmus.v1.StatsRequest'],
    ['log_tail', 5, '.isthmus.v1.LogTailRequest'],
    ['dns_query', 6, '.isthmus.v1.DnsQueryRequest'],
    ['tcp_probe', 7, '.isthmus.v1.TcpProbeRequest'],
    ['capture_check', 8, '.isthmus.v1.CaptureCheckRequest'],
    ['sockets', 9, '.isthmus.v1.SocketsRequest'],
    ['end_sessions', 10, '.isthmus.v1.EndSessionsRequest'],
  ]),
  message('ConfigDumpRequest', [['resource', 1, 'string']]),
  message('StatsRequest', [['filter', 1, 'string']]),
  message('LogTailRequest', [
    ['source', 1, 'string'],
    ['lines', 2, 'uint32'],
    ['follow', 3, 'bool'],
  ]),
  message('DnsQueryRequest', [
    ['name', 1, 'string'],
    ['via', 2, 'string'],
  ]),
  message('TcpProbeRequest', [
    ['address', 1, 'string'],
    ['port', 2, 'uint32'],
    ['mode', 3, 'string'],
    ['expect', 4, 'string'],
    ['timeout_ms', 5, 'uint32'],
  ]),
  message('CaptureCheckRequest', []),
  message('SocketsRequest', []),
  message('EndSessionsRequest', [['sessions', 1, '.isthmus.v1.SessionEnds', 'repeated']]),
  // One TCP connection as its server's proxy sees it: both ends, `address:port`.
  message('SessionEnds', [
    ['client', 1, 'string'],
    ['server', 2, 'string'],
  ]),
];

const ANSWERED = [
  message('AgentAnswer', [
    ['id', 1, 'uint32'],
    ['is_last', 2, 'bool'],
    ['problem', 3, 'string'], // why it could not be answered; then the last, too
    ['chunk', 4, 'bytes'],
    ['stats', 5, '.isthmus.v1.Stat', 'repeated'],
    ['lines', 6, '.isthmus.v1.LoggedLine', 'repeated'],
    ['dns', 7, '.isthmus.v1.DnsOutcome'],
    ['probe', 8, '.isthmus.v1.TcpProbeOutcome'],
    ['capture', 9, '.isthmus.v1.CaptureOutcome'],
    ['sockets', 10, '.isthmus.v1.SocketList'],
    ['ending', 11, '.isthmus.v1.EndSessionsOutcome'],
  ]),
  message('Stat', [
    ['name', 1, 'string'],
    ['value', 2, 'double'],
  ]),
  message('LoggedLine', [
    ['at_ms', 1, 'int64'], // 0: the line does not say
    ['text', 2, 'string'],
  ]),
  message('DnsOutcome', [
    ['addresses', 1, 'string', 'repeated'],
    ['problem', 2, 'string'],
    ['duration_ms', 3, 'uint32'],
  ]),
  message('TcpProbeOutcome', [
    ['outcome', 1, 'string'],
    ['connect_ms', 2, 'uint32'],
    ['reason', 3, 'string'],
    ['application', 4, 'string'],
    ['detail', 5, 'string'],
  ]),
  message('CaptureOutcome', [
    ['state', 1, 'string'],
    ['reason', 2, 'string'],
  ]),
  message('SocketList', [
    ['sockets', 1, '.isthmus.v1.ListeningSocket', 'repeated'],
    ['is_cut', 2, 'bool'],
  ]),
  message('ListeningSocket', [
    ['address', 1, 'string'],
    ['port', 2, 'uint32'],
    ['program', 3, 'string'],
    ['pid', 4, 'uint32'],
  ]),
  message('EndSessionsOutcome', [
    ['ended', 1, 'uint32'],
    ['resetting', 2, 'uint32'], // cut at their next packet
    ['gone', 3, 'uint32'], // had ended by themselves
    ['problem', 4, 'string'], // why the others live on; empty: there are none
    ['remedy', 5, 'string'],
  ]),
];

const JOINED = [
  // The mesh's roots, for whoever has their hash already: to nobody else they prove anything.
  message('JoinRootsRequest', []),
  message('JoinRootsResponse', [['roots_pem', 1, 'string']]),
  message('JoinRequest', [
    ['token', 1, 'string'],
    ['addresses', 2, 'string', 'repeated'],
    ['hostname', 3, 'string'],
    ['os', 4, 'string'],
    ['version', 5, 'string'],
    ['csr', 6, 'string'], // PEM: the key stays on the machine
    ['problem', 7, 'string'], // in a later message: why the machine cannot go on
  ]),
  // First what the machine's files are made of, as JSON; then, as often as a step changes, the join
  // as src/api/joins.ts has it.
  message('JoinResponse', [
    ['facts', 1, 'string'],
    ['join', 2, 'string'],
  ]),
];

export const attendProto = (): FileDescriptorProto =>
  create(FileDescriptorProtoSchema, {
    name: 'isthmus/v1/attend.proto',
    package: 'isthmus.v1',
    syntax: 'proto3',
    messageType: [...TOLD, ...ASKED, ...ANSWERED, ...JOINED],
  });
