"""What tests stand on: private servers, a browser, and the gate that runs it all."""
