// Drives a router through node-routeros and prints what it saw as one JSON object.
"use strict";
const { RouterOSAPI } = require(require.resolve("node-routeros", { paths: [process.argv[2]] }));
const [port, user, password, job] = process.argv.slice(3);
const api = new RouterOSAPI({ host: "127.0.0.1", port: Number(port), user, password, timeout: 5 });

const jobs = {
  async print() {
    return api.write("/interface/print", ["?type=vlan", "=.proplist=name,.id,tx-byte"]);
  },
  async empty() {
    return api.write("/queue/simple/print");
  },
  async queue() {
    const [added] = await api.write("/queue/simple/add", ["=name=gold", "=target=vlan101"]);
    const id = "=.id=" + added.ret;
    await api.write("/queue/simple/set", [id, "=max-limit=10M/20M"]);
    const rows = await api.write("/queue/simple/print");
    await api.write("/queue/simple/remove", [id]);
    const trap = await api.write("/queue/simple/remove", [id]).catch((error) => error.message);
    return { added, rows, trap };
  },
  async stream() {
    const seen = [];
    await new Promise((resolve, reject) => {
      const words = ["/interface/monitor-traffic", "=interface=vlan101", "=interval=0.1"];
      const stream = api.stream(words, (error, row) => {
        if (error) return reject(error);
        seen.push(row);
        if (seen.length === 3) stream.stop().then(resolve, reject);
      });
    });
    return { seen, after: await api.write("/system/identity/print") };
  },
};

api.connect()
  .then(() => jobs[job]())
  .then((answer) => {
    process.stdout.write(JSON.stringify(answer));
    return api.close();
  })
  .catch((error) => {
    process.stderr.write(String(error.message));
    process.exit(1);
  });
process.on("uncaughtException", (error) => {
  process.stderr.write("uncaught: " + (error.errno || error.name) + " " + error.message);
  process.exit(2);
});
