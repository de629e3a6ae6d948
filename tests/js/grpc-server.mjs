// A gRPC server on a free port of the loopback: prints the port, and ends with its input.

import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { service } from './grpc-service.mjs';

const MESSAGE_BYTES_MAX = 32 << 20;

const spelling = [];
const cancellations = { seen: 0, waiting: [] };

const echoed = (metadata) => {
  const back = new Metadata();
  for (const key of Object.keys(metadata.getMap()).filter((it) => it.startsWith('x-t'))) {
    metadata.get(key).forEach((value) => back.add(key, value));
  }
  return back;
};

const server = new Server({
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
});
server.addService(service, {
  echo(call, done) {
    const headers = echoed(call.metadata);
    headers.set('x-authority', call.getHost());
    call.sendMetadata(headers);
    done(null, call.request, echoed(call.metadata));
  },
  async spell(call) {
    for (const byte of call.request) {
      call.write(Buffer.of(byte));
      await new Promise((next) => spelling.push(next));
    }
    call.end();
  },
  next(call, done) {
    spelling.shift()();
    done(null, Buffer.alloc(0));
  },
  count(call, done) {
    let bytes = 0;
    call.on('data', (message) => (bytes += message.length));
    call.on('end', () => done(null, Buffer.from(String(bytes))));
  },
  talk(call) {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  },
  fail(call, done) {
    const metadata = new Metadata();
    metadata.set('x-why', 'because');
    metadata.set('x-why-bin', Buffer.of(0, 255));
    done({ code: Number(call.request), details: 'as “asked” for, 100 %', metadata });
  },
  wait(call) {
    call.on('cancelled', () => {
      cancellations.seen += 1;
      cancellations.waiting.forEach((look) => look());
    });
  },
  cancelled(call, done) {
    const look = () => {
      if (cancellations.seen < Number(call.request)) return;
      cancellations.waiting = cancellations.waiting.filter((it) => it !== look);
      done(null, Buffer.alloc(0));
    };
    cancellations.waiting.push(look);
    look();
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.resume().on('end', () => process.exit(0));
