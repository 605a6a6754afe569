import type { Socket } from 'node:net';

/** A request as far as the benches' server reads it. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Text of the body, '' where there is none. */
  readonly body: string;
  /** Bytes of headers and body. */
  readonly bytes: number;
}

/** Sends one answer to the request it was given with. Returns its bytes, 0 when nobody is there to take it. */
export type Answer = (status: number, type: string, body: string) => number;

const HEAD_END = Buffer.from('\r\n\r\n');
const LARGEST_HEAD = 16_384;

/**
 * Reads HTTP/1.1 requests from a socket, one after another, and answers each: the little of HTTP that clients of a
 * completion server use (keep-alive or `Connection: close`, bodies with Content-Length). A third of the cost of
 * `node:http`, so that a bench measures its client. What it does not know ends the connection.
 *
 * @param handle called with each request; the answer may come later, the next request is read after it
 * @param onUnread called when the client is gone and has not read the latest answer: the kernel then resets the connection,
 *   where it ends one that was read to its end
 */
export function serveConnection(
  socket: Socket,
  handle: (request: WireRequest, answer: Answer) => void,
  onUnread: () => void = () => undefined,
): void {
  let pending: Buffer[] = [];
  let size = 0;
  /** Bytes of the request that is being read, and where its body begins; null while the head is incomplete. */
  let expected: { readonly head: string; readonly start: number; readonly total: number } | null = null;
  let busy = false;
  let answers = 0;
  socket.setNoDelay(true);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' && !busy && answers > 0) onUnread();
    socket.destroy();
  });

  const advance = (): void => {
    if (busy || size === 0) return;
    if (expected === null || size >= expected.total) {
      const data = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending, size);
      pending = [data];
      expected ??= readHead(data);
      if (expected === null) {
        if (size > LARGEST_HEAD) socket.destroy();
        return;
      }
      if (Number.isNaN(expected.total)) {
        socket.destroy();
        return;
      }
      if (size >= expected.total) take(data, expected);
    }
  };

  const take = (data: Buffer, { head, start, total }: { head: string; start: number; total: number }): void => {
    const [method = '', path = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
    const close = /\r\nconnection: *close/i.test(head);
    const rest = data.subarray(total);
    pending = rest.length === 0 ? [] : [rest];
    size = rest.length;
    expected = null;
    busy = true;
    handle({ method, path, body: data.toString('utf8', start, total), bytes: total }, (status, type, body) => {
      busy = false;
      const bytes = Buffer.byteLength(body);
      const answered = `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Error'}\r\ncontent-type: ${type}\r\ncontent-length: ${bytes}\r\nconnection: ${close ? 'close' : 'keep-alive'}\r\n\r\n`;
      if (!socket.writable) return 0;
      socket.write(answered + body);
      answers += 1;
      if (close) socket.end();
      else advance();
      return answered.length + bytes;
    });
  };

  socket.on('data', (data) => {
    pending.push(data);
    size += data.length;
    advance();
  });
}

function readHead(data: Buffer): { head: string; start: number; total: number } | null {
  const end = data.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = data.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const start = end + HEAD_END.length;
  const total = /\r\ntransfer-encoding:/i.test(head) ? Number.NaN : start + Number(length ?? 0);
  return { head, start, total };
}
