// Scanning with the camera, where the browser has both a camera and a reader.
export async function startCamera(video, box, found) {
  if (!("BarcodeDetector" in window)) throw new Error("no_reader");
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("no_camera");
  const formats = await BarcodeDetector.getSupportedFormats();
  if (!formats.includes("qr_code")) throw new Error("no_reader");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    throw new Error("no_camera");
  }
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  let running = true;
  const stop = () => {
    running = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    box.hidden = true;
  };
  video.srcObject = stream;
  box.hidden = false;
  await video.play();
  const look = async () => {
    if (!running) return;
    const codes = await detector.detect(video).catch(() => []);
    if (!running) return;
    if (codes.length > 0) found(codes[0].rawValue);
    else setTimeout(look, 150);
  };
  look();
  return stop;
}
