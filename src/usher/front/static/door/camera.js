// The camera as a scanner, where the browser itself can read QR codes (BarcodeDetector).

const EVERY_MS = 120;

/** Whether this browser reads QR codes. */
export async function canRead() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return false;
  try {
    return (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
  } catch {
    return false;
  }
}

export class Camera {
  /** `on` is told what is read, again and again while it is in sight. */
  constructor(video, on) {
    this.video = video;
    this.on = on;
    this.stream = null;
  }

  get running() {
    return this.stream !== null;
  }

  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 } },
      audio: false,
    });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.detector = new BarcodeDetector({ formats: ["qr_code"] });
    this.look();
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  async look() {
    if (!this.running) return;
    try {
      const [code] = document.hidden ? [] : await this.detector.detect(this.video);
      if (code?.rawValue && this.running) this.on(code.rawValue);
    } catch {
      // a frame that could not be read; there is another one soon
    }
    setTimeout(() => this.look(), EVERY_MS);
  }
}
