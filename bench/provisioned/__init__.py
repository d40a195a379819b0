"""What the benchmark of provisioning works with: an ISP's subscribers, plain drivers, FreeRADIUS."""
