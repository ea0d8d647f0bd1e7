/** What a page says of itself while all is well. */
export const STATE = {
  visible: true,
  focused: true,
  fullscreen: false,
  camera: true,
  microphone: true,
  screen: false,
};
