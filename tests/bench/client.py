"""The load generator: a process of its own, so that its Python holds up nobody else.

``python client.py JOB`` sends the bodies of a file, one a line, over new connections
from some threads until the time is over; prints what it took as JSON. Odoo's prefork
server closes each connection after its answer, so nothing would be kept anyway. Like
any HTTP client it is done when the length that was announced is there, and hangs up:
who waits for the server to do so waits 10 ms more, for so long werkzeug listens whether
the client has something to add.
"""

import json
import re
import socket
import sys
import threading
import time

ANSWER_LIMIT = 60


def exchange(port, request):
    """Send one request as it stands; return head and body of the answer.

    Who finds the queue of the server full asks again, as a bridge does.
    """
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), ANSWER_LIMIT) as line:
                line.sendall(request)
                answer, length = b"", None
                while length is None or len(answer) < length:
                    part = line.recv(1 << 20)
                    if not part:
                        break
                    answer += part
                    length = length or _length(answer)
            if answer:
                return answer
        except ConnectionResetError:
            continue


def _length(answer):
    """Return how long the whole answer is, None as long as nobody can tell."""
    head, end, _body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    return len(head) + len(end) + int(found[1]) if end and found else None


def request(path, headers, body):
    """Return one HTTP request as bytes."""
    head = [f"POST {path} HTTP/1.1", "Host: bench", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + body


def run(job):
    """Send what ``job`` says; return latencies in ms, wrong answers and own costs."""
    with open(job["bodies"], "rb") as file:
        requests = [
            request(job["path"], job["headers"], body)
            for body in file.read().splitlines()
        ]
    waiting = iter(requests)
    wanted, times = job["wanted"].encode(), job["times"]
    latencies, wrong, errors = [], [], []
    barrier = threading.Barrier(job["clients"])
    end = None

    def work():
        nonlocal end
        barrier.wait()
        end = end or time.perf_counter() + job["seconds"]
        try:
            while (start := time.perf_counter()) < end:
                answer = exchange(job["port"], next(waiting))
                latencies.append((time.perf_counter() - start) * 1000)
                if answer.count(wanted) != times:
                    wrong.append(answer[-500:].decode(errors="replace"))
        except StopIteration:
            errors.append("the bodies have run out")
        except OSError as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(job["clients"])]
    cpu = time.process_time()
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "latencies": latencies,
        "wrong": len(wrong),
        "first_wrong": wrong[0] if wrong else "",
        "errors": errors[:1],
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
    }


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(json.dumps(run(json.load(file))))
